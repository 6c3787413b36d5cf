using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>Messages between grains as the text in which they travel.</summary>
public static class GrainText
{
    /// <summary>A message as JSON, with its kind.</summary>
    public static string Write(GrainMessage message) => JsonSerializer.Serialize(message, MachinesJson.Default.GrainMessage);

    /// <summary>Reads messages of whatever kind, leaving out what cannot be read.</summary>
    /// <param name="texts">The messages.</param>
    /// <param name="refused">Why the first one of those was left out; null: all were read.</param>
    public static IReadOnlyList<GrainMessage> ReadAll(IReadOnlyList<string> texts, out ArgumentException? refused)
    {
        var messages = new List<GrainMessage>(texts.Count);
        refused = null;
        foreach (var text in texts)
        {
            try
            {
                messages.Add(Read<GrainMessage>(text));
            }
            catch (ArgumentException unreadable)
            {
                refused ??= unreadable;
            }
        }

        return messages;
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
