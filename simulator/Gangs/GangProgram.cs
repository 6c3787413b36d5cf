namespace Coordinator.Simulator.Gangs;

/// <summary>A process of the simulated program: it lives on its node whatever becomes of its worker, until something kills it.</summary>
internal sealed class GangProgram(GangNode node, long generation, int rank, int world)
{
    public GangNode Node => node;

    public long Generation => generation;

    public int Rank => rank;

    public int World => world;

    public bool IsAlive { get; set; } = true;

    /// <summary>When it ended, in the world's time.</summary>
    public TimeSpan? EndedAt { get; set; }

    /// <summary>Whether it failed by a fault or by itself, and not since a peer was lost or somebody ended it.</summary>
    public bool FailedFirst { get; set; }
}
