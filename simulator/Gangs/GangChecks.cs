using Coordinator.Machines.Gangs;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>Looks at a gang's world after each event.</summary>
internal sealed class GangChecks(GangCluster cluster, GangSpec spec, TimeSpan orphanTime)
{
    /// <summary>
    /// Ends of processes whose agents are far apart are ordered by when they were heard of: so much later is surely later.
    /// </summary>
    private static readonly TimeSpan SurelyLater = TimeSpan.FromSeconds(8);

    private readonly List<GangProgram> failed = [];
    private readonly HashSet<GangProgram> seen = [];

    public void Look()
    {
        long? running = null;
        foreach (var node in cluster.Nodes)
        {
            foreach (var program in node.Running)
            {
                seen.Add(program);
                if (node.DeadSince is { } dead && cluster.World.Now > dead + orphanTime)
                {
                    throw new InvariantViolationException(
                        GangInvariants.NoOrphan,
                        $"rank {program.Rank} of generation {program.Generation} runs on {node.Name}, whose worker has been dead for "
                            + $"{(cluster.World.Now - dead).TotalMilliseconds:0} ms");
                }
                if (node.IsExcused)
                    continue;
                running ??= program.Generation;
                if (running != program.Generation)
                {
                    throw new InvariantViolationException(
                        GangInvariants.OneGeneration,
                        $"processes of generations {running} and {program.Generation} run at once, the latter on {node.Name}");
                }
            }
        }
    }

    public void LookAtEnd(GangView view)
    {
        failed.AddRange(seen.Where(program => program.FailedFirst));
        if (view.Phase == "finished" && cluster.Training.Saved != cluster.Training.Steps)
        {
            throw new InvariantViolationException(
                GangInvariants.WholeAgain, $"it has finished at step {cluster.Training.Saved} of {cluster.Training.Steps}");
        }
        var counted = view.Failures.Count(failure => failure.Counts);
        if (view.Phase == "failed" && counted <= spec.Restarts)
        {
            throw new InvariantViolationException(
                GangInvariants.Budget,
                $"it has failed after {counted} failures of its own, and has {spec.Restarts} restarts: {view.Reason}");
        }
        if (view.Phase == "failed" && view.Failures[^1].Text.Length == 0)
            throw new InvariantViolationException(GangInvariants.FirstCause, "it has failed without a cause");
        foreach (var failure in view.Failures.Where(failure => failure.Rank is not null))
        {
            var ends = seen.Where(program => program.Generation == failure.Generation && program.EndedAt is not null).ToArray();
            var blamed = ends.FirstOrDefault(program => program.Rank == failure.Rank)
                ?? throw new InvariantViolationException(
                    GangInvariants.FirstCause, $"rank {failure.Rank} of generation {failure.Generation} is blamed and never ended");
            if (!blamed.FailedFirst
                && ends.FirstOrDefault(other =>
                    other.FailedFirst && other.Node.DeadSince is null && other.EndedAt < blamed.EndedAt - SurelyLater) is { } earlier
                && !view.Failures.Any(one => one.Generation == failure.Generation && one.Rank == earlier.Rank))
            {
                throw new InvariantViolationException(
                    GangInvariants.FirstCause,
                    $"rank {failure.Rank} of generation {failure.Generation} is blamed, and rank {earlier.Rank} had failed "
                        + $"{(blamed.EndedAt - earlier.EndedAt)!.Value.TotalSeconds:0.0} s before");
            }
        }
    }
}
