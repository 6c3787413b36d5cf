namespace Coordinator.Tests.Orleans.Support;

/// <summary>Wakes who waits for something to become true, whenever something has changed.</summary>
public sealed class Signal
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Notify() =>
        Interlocked.Exchange(ref next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <exception cref="TimeoutException">It did not become true.</exception>
    public async Task Until(Func<bool> satisfied, string? what = null)
    {
        while (true)
        {
            var change = Volatile.Read(ref next).Task;
            if (satisfied())
                return;
            try
            {
                await change.WaitAsync(Limit);
            }
            catch (TimeoutException)
            {
                throw new TimeoutException(
                    $"{what ?? "what was waited for"} did not happen within {Limit.TotalSeconds} s of the last change");
            }
        }
    }
}
