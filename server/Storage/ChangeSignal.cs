namespace Coordinator.Server.Storage;

/// <summary>Tells any number of waiters, once each, that something changed.</summary>
internal sealed class ChangeSignal
{
    private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends with the next change.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    /// <summary>Ends what was handed out so far.</summary>
    public void Notify() =>
        Interlocked.Exchange(ref next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}
