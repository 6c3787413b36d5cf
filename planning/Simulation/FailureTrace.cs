using Coordinator.Simulator.World;

namespace Coordinator.Planning.Simulation;

/// <summary>A failure of the trace.</summary>
/// <param name="At">Seconds from the start.</param>
/// <param name="Cause">Why.</param>
/// <param name="FirstNode">The node that it begins with, 0 to nodes - 1 of those that compute.</param>
/// <param name="RepairSeconds">Until what is replaced is a spare again.</param>
public readonly record struct Failure(double At, FailureCause Cause, int FirstNode, double RepairSeconds);

/// <summary>
/// What fails when, drawn before any policy is asked, so that all policies meet the same failures: each cause is a Poisson process of its
/// own over the nodes that compute, with a stream of its own.
/// </summary>
public static class FailureTrace
{
    /// <summary>All failures of so many days, in the order of their times.</summary>
    public static IReadOnlyList<Failure> Draw(IReadOnlyList<FailureCause> causes, int nodes, double days, ulong seed)
    {
        var failures = new List<Failure>();
        var end = days * 86_400;
        for (var i = 0; i < causes.Count; i++)
        {
            var cause = causes[i];
            var draws = Prng.Derive(seed, $"failures:{i}:{cause.Name}");
            var mean = 86_400_000 / (cause.PerThousandNodeDays * nodes);
            var parts = (nodes + cause.Nodes - 1) / cause.Nodes;
            for (var at = draws.Exponential(mean); at < end; at += draws.Exponential(mean))
            {
                failures.Add(new Failure(
                    at,
                    cause,
                    cause.IsShared ? draws.Below(parts) * cause.Nodes : draws.Below(nodes),
                    cause.RepairHours > 0 ? draws.Exponential(cause.RepairHours * 3600) : 0));
            }
        }

        failures.Sort((a, b) => a.At != b.At ? a.At.CompareTo(b.At) : a.FirstNode.CompareTo(b.FirstNode));
        return failures;
    }
}
