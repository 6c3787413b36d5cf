namespace Coordinator.Worker.Ranks;

/// <summary>
/// What runs one piece after another on the threads of a <see cref="StrandPool"/>, with other strands in between. The state is the pool's,
/// under its lock.
/// </summary>
internal sealed class Strand(StrandPool pool, Action run)
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

    /// <inheritdoc cref="StrandPool.Wake"/>
    public void Wake() => pool.Wake(this);

    /// <inheritdoc cref="StrandPool.WakeAt"/>
    public void WakeAt(TimeSpan? at) => pool.WakeAt(this, at);

    /// <inheritdoc cref="StrandPool.End"/>
    public void End() => pool.End(this);

    internal void Run() => run();
}
