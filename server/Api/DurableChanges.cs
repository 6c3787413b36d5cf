using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Server.Hosting;

namespace Coordinator.Server.Api;

/// <summary>
/// Changes that are answered when they are durable. The answer rests on the grain's own turn, which has ended and is stored, and on nothing
/// else. What was lost on the way is left again for as long as the asker waits: a silo that dies in the middle costs a moment and no
/// promise.
/// Every text of a change is made plain here (<see cref="Plain{T}"/>), where all of them pass: it is stored with a grain's state, and
/// shown.
/// </summary>
internal sealed class DurableChanges(IGrainHost grains, SiloServerOptions options, CancellationToken stopping)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly JsonSerializerOptions PlainTexts = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = MachinesJson.Default,
        Converters = { new PlainTextConverter(PlainText.MostStored) },
    };

    /// <summary>
    /// A change as a grain gets it, stores it and shows it: with plain texts. Whoever compares what was asked for with what is there
    /// compares this. The command and the variables of a program are no words: they are run as they are, and the gang's own rules look at
    /// them.
    /// </summary>
    public static T Plain<T>(T change)
        where T : GrainMessage => change is SubmitGang
        ? change
        : (T)JsonSerializer.Deserialize<GrainMessage>(JsonSerializer.Serialize(change, MachinesJson.Default.GrainMessage), PlainTexts)!;

    /// <summary>
    /// Leaves a message for a grain until a turn has handled it and is durable, for <see cref="SiloServerOptions.SubmitTimeout"/> at most.
    /// </summary>
    /// <returns>False: the turn lasts longer, as it does while storage is away; it may still come about, and nothing is promised.</returns>
    /// <exception cref="GrainsAwayException">Every try was lost.</exception>
    public async Task<bool> MakeAsync(GrainAddress to, GrainMessage message, CancellationToken cancel)
    {
        message = Plain(message);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancel);
        var start = options.TimeProvider.GetTimestamp();
        TimeSpan Left() => options.SubmitTimeout - options.TimeProvider.GetElapsedTime(start);
        try
        {
            do
            {
                try
                {
                    var delivery = grains.DeliverAsync(to, message);
                    var left = Left();
                    await delivery.WaitAsync(
                        left > TimeSpan.Zero ? left : TimeSpan.Zero, options.TimeProvider, end.Token).ConfigureAwait(false);
                    return true;
                }
                catch (TimeoutException)
                {
                    // The time is up, or a call's own is: the next one waits behind the same turn.
                }
                catch (GrainsAwayException) when (Left() > Pause)
                {
                    await Task.Delay(Pause, options.TimeProvider, end.Token).ConfigureAwait(false);
                }
            }
            while (Left() > TimeSpan.Zero);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The server stops; whoever asked asks another silo, or this one when it is back.
        }

        return false;
    }
}
