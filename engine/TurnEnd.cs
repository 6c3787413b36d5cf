using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>
/// Tells whoever left a message that its turn has ended and is durable. It waits behind what its grain has asked for, as a send does, and
/// goes with that where the machine is discarded.
/// </summary>
internal sealed record TurnEnd : Output
{
    private readonly TaskCompletionSource<bool> durable = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True: the turn is durable, and all of its grain's before it. False: the message or the turn was lost.</summary>
    public Task<bool> Durable => durable.Task;

    /// <summary>Tells it; the first word stands.</summary>
    public void Tell(bool isDurable) => durable.TrySetResult(isDurable);
}
