namespace Coordinator.Machines;

/// <summary>
/// The shards that a rank has yet to compute for the step in work, and those that were assigned to it. A shard leaves the queue when its
/// gradient is kept, so what is under way is still at its head.
/// </summary>
internal sealed class ShardQueue
{
    private readonly Queue<int> queue = [];
    private IReadOnlyList<ShardSpan> assigned = [];
    private long step = -1;

    /// <summary>What was assigned for a step; nothing where the rank has not begun it.</summary>
    public IReadOnlyList<ShardSpan> AssignedFor(long wanted) => step == wanted ? assigned : [];

    /// <summary>A step begins: what is assigned and not held is to be computed.</summary>
    public void Begin(long of, IReadOnlyList<ShardSpan> shards, Func<int, bool> isHeld)
    {
        (step, assigned) = (of, shards);
        queue.Clear();
        foreach (var shard in shards.SelectMany(span => Enumerable.Range(span.Start, span.Count)))
        {
            if (!isHeld(shard))
                queue.Enqueue(shard);
        }
    }

    /// <summary>The shard to compute next, or the one that is being computed.</summary>
    public bool TryPeek(out int shard) => queue.TryPeek(out shard);

    /// <summary>The first shard was kept.</summary>
    public void Dequeue() => queue.Dequeue();

    /// <summary>
    /// A shard that is under way goes to the head, so that its answer is the next one expected. False where it is not to be computed.
    /// </summary>
    public bool MoveToHead(int shard)
    {
        if (!queue.Contains(shard))
            return false;
        int[] others = [.. queue.Where(other => other != shard)];
        queue.Clear();
        queue.Enqueue(shard);
        foreach (var other in others)
            queue.Enqueue(other);
        return true;
    }

    /// <summary>Nothing is to be computed any more; what was assigned is still known.</summary>
    public void Clear() => queue.Clear();

    /// <summary>The state is gone, and with it what was assigned.</summary>
    public void Forget()
    {
        queue.Clear();
        (step, assigned) = (-1, []);
    }
}
