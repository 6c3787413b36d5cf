using Coordinator.Planning.Simulation;

namespace Coordinator.Tests.Planning;

/// <summary>Published records, with a fixed seed. What does not close is as much of the result as what does.</summary>
public sealed class ExternalCheckTests
{
    private static readonly string[] Open =
    [
        "RSC-1: MTTF at 1,024 GPUs (measured)", "torchft run 1: steps committed", "torchft run 1: efficiency",
        "torchft run 2: steps committed", "the same, failures as a Poisson process",
        "SPARe: availability of replication, N = 200", "SPARe: availability of replication, N = 600",
        "SPARe: availability of replication, N = 1000",
    ];

    [Fact]
    public void Published_tables_close_but_for_those_that_docs_scale_names()
    {
        var checks = ExternalChecks.All(1);
        Assert.Equal(Enumerable.Range(1, 7), checks.Select(check => check.Table).Distinct().Order());
        Assert.Equal(Open, checks.Where(check => check.Closes == false).Select(check => check.What));
        Assert.Equal(3, checks.Count(check => check.Kind == CheckKind.Calibrated));
    }
}
