namespace Coordinator.Worker.Ranks;

/// <summary>
/// Work that never runs on two threads at a time (a strand, in other libraries): it is woken, and then runs once on a thread of its
/// <see cref="SerialTaskPool"/>. The state is the pool's, under its lock.
/// </summary>
internal sealed class SerialTask(SerialTaskPool pool, Action run)
{
    /// <summary>It was woken since it last began to run.</summary>
    public bool Waiting { get; set; }

    /// <summary>It stands in the pool's queue.</summary>
    public bool Queued { get; set; }

    /// <summary>It is not to run any more.</summary>
    public bool Ended { get; set; }

    /// <summary>The thread that it is running on.</summary>
    public Thread? Running { get; set; }

    /// <summary>When it is to be woken.</summary>
    public TimeSpan? At { get; set; }

    /// <summary>The time under which it stands among the pool's timers.</summary>
    public TimeSpan? Armed { get; set; }

    /// <inheritdoc cref="SerialTaskPool.Wake"/>
    public void Wake() => pool.Wake(this);

    /// <inheritdoc cref="SerialTaskPool.WakeAt"/>
    public void WakeAt(TimeSpan? at) => pool.WakeAt(this, at);

    /// <inheritdoc cref="SerialTaskPool.End"/>
    public void End() => pool.End(this);

    internal void Run() => run();
}
