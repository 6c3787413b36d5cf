namespace Coordinator.Bench.Limit;

/// <summary>Counts what happens in the silo, so that nobody has to ask it. Thread-safe.</summary>
internal sealed class LimitCount
{
    private readonly Lock gate = new();
    private int count;
    private int wanted;
    private TaskCompletionSource reached = new();

    /// <summary>One more.</summary>
    public void Add()
    {
        lock (gate)
        {
            if (++count == wanted)
                reached.TrySetResult();
        }
    }

    /// <summary>Counts from zero; ends when there are so many.</summary>
    public Task Until(int many)
    {
        lock (gate)
        {
            (count, wanted) = (0, many);
            reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return reached.Task;
        }
    }
}
