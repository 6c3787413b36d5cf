namespace Coordinator.Lab.Swarm;

/// <summary>What agents hold of a job at a moment.</summary>
/// <param name="Asked">Agents that were looked at.</param>
/// <param name="Held">Of them, those that hold the newest generation.</param>
/// <param name="Generation">The newest generation that one of them holds.</param>
/// <param name="Members">Its members.</param>
/// <param name="HeldAt">When the last of those took it, by <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>.</param>
/// <param name="Behind">One that does not hold it; null: all do.</param>
public sealed record Agreement(int Asked, int Held, long Generation, int Members, long HeldAt, SwarmAgent? Behind)
{
    /// <summary>Whether all hold the same generation, newer than the one that was named.</summary>
    public bool IsWhole => Held == Asked;

    /// <summary>In words.</summary>
    /// <param name="job">The job.</param>
    public string Describe(Machines.JobId job) =>
        IsWhole ? $"all {Asked} hold generation {Generation} of {Members} members"
        : $"{Held} of {Asked} hold generation {Generation}" + (
            Behind is null ? "" : $"; {Behind.Node} holds generation {Behind.HeldOf(job).Generation}");
}
