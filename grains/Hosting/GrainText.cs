using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>Messages between grains as the text in which they travel.</summary>
public static class GrainText
{
    /// <summary>A message as JSON, with its kind.</summary>
    public static string Write(GrainMessage message) => JsonSerializer.Serialize(message, MachinesJson.Default.GrainMessage);

    /// <summary>Reads messages and hands those that can be read to a turn.</summary>
    /// <exception cref="ArgumentException">One could not be read, or is the host's own to give; the others were handled before. The message says which was the first.</exception>
    internal static async Task TakeAll(IReadOnlyList<string> texts, Func<IReadOnlyList<GrainMessage>, Task> turn)
    {
        var messages = new List<GrainMessage>(texts.Count);
        ArgumentException? refused = null;
        foreach (var text in texts)
        {
            try
            {
                messages.Add(Read<GrainMessage>(text) switch
                {
                    Activated or DeadlinePassed => throw new ArgumentException("a grain is loaded, and its deadline passes, only by its host's word"),
                    var message => message,
                });
            }
            catch (ArgumentException unreadable)
            {
                refused ??= unreadable;
            }
        }

        await turn(messages);
        if (refused is not null)
            throw refused;
    }

    /// <summary>Reads a message of the kind that an operation takes.</summary>
    /// <exception cref="ArgumentException">The text is none; the message names what was found and what was expected.</exception>
    public static T Read<T>(string text)
        where T : GrainMessage
    {
        try
        {
            return Contracts.Read<GrainMessage>(text) switch
            {
                T message => message,
                var other => throw new ArgumentException($"expected a {typeof(T).Name} and found a {other.GetType().Name}"),
            };
        }
        catch (JsonException e)
        {
            var start = text.Length > 80 ? text[..80] + "…" : text;
            throw new ArgumentException($"expected a {typeof(T).Name} and cannot read '{start}': {e.Message} Run one version of the coordinator on all silos, or upgrade them one after the other without mixing further ones.", e);
        }
    }
}
