using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// A cheap scenario on real processes whose record is damaged. Scenarios that pass are among .ci/run's checks, the whole table is for the
/// command itself.
/// </summary>
public sealed class ChaosCommandTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task A_record_that_lost_a_step_fails_and_so_does_the_command()
    {
        var directory = Directory.CreateTempSubdirectory("chaos-command-").FullName;
        try
        {
            using var run = new Executable("chaos", "--scenario", "worker-frozen-briefly", "--inject", "forget", "--work-dir", directory);
            Assert.True(await run.EndAsync(Limit) == ExitCodes.RunFailed, run.Output);
            Assert.Contains("1 of 800 steps are not recorded: 400", run.Output, StringComparison.Ordinal);
            Assert.Contains("0 passed, 1 failed, 0 skipped", run.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
