namespace Coordinator.Tests.Processes.Chaos;

/// <summary>A fault that a worker is started with.</summary>
/// <param name="Worker">Which worker, from 0.</param>
/// <param name="Start">At which of its starts, from 1.</param>
/// <param name="Rule">The fault as <c>--fault</c> takes it.</param>
public sealed record ArmedFault(int Worker, int Start, string Rule)
{
    /// <summary>
    /// Workers that are killed from outside when it strikes, wherever they are. Two that have the same rule need not die in one step: the
    /// one that is slower may be left without what the other had for it, wait for the other's next process, and hand the state on to that.
    /// </summary>
    public IReadOnlyList<int> With { get; init; } = [];
}

/// <summary>SIGKILL from outside, once something was stored.</summary>
/// <param name="After">Kind of the event.</param>
/// <param name="Times">How many events of that kind.</param>
/// <param name="Silo">Whether the silo is killed.</param>
/// <param name="Workers">Workers that are killed with it.</param>
public sealed record Blow(string After, int Times, bool Silo, params int[] Workers);

/// <summary>A row of the table: what is trained by whom, and what happens to them.</summary>
public sealed record KillSchedule(string Name, Workload Workload, int Workers, int Gpus)
{
    public IReadOnlyList<ArmedFault> Faults { get; init; } = [];

    public Blow? Blow { get; init; }

    /// <summary>
    /// Whether the others go on without the killed. Else the job waits for them to come back, so that a run of milliseconds sees a
    /// newcomer fetch its state, however slow the machine starts processes.
    /// </summary>
    public bool GoOn { get; init; }

    /// <summary>Silence after which a peer is accused.</summary>
    public TimeSpan PeerTimeout { get; init; } = TimeSpan.FromSeconds(20);

    public int Ranks => Workers * Gpus;

    public override string ToString() => Name;
}
