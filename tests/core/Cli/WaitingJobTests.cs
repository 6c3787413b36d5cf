using Coordinator.Cli.Commands;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.View;

namespace Coordinator.Tests.Cli;

/// <summary>Who waits, and for what, is told where people look.</summary>
public sealed class WaitingJobTests
{
    private const string Waits = "wants 2, 1 free; low-245bce (priority 1) has 2";
    private static readonly JobView Job = new()
    {
        Id = new JobId("high"),
        Phase = "waiting",
        Reason = $"waiting for 2 gpus: {Waits}",
        Shortage = Waits,
        Spec = new JobSpec(),
    };

    [Fact]
    public void The_table_of_jobs_has_it_and_a_job_that_runs_waits_for_nothing()
    {
        Assert.Equal(Waits, Cell(Job, "WAITS FOR"));
        Assert.Equal("-", Cell(Job with { Phase = "running" }, "WAITS FOR"));
    }

    [Fact]
    public void The_live_view_has_it()
    {
        var now = DateTimeOffset.UnixEpoch;
        Assert.Equal(
            $"the job waits: waiting for 2 gpus: {Waits}",
            RunViewBuilder.Build(new RunData { Now = now, Started = now, Job = Job }).Notice);
    }

    private static string Cell(JobView job, string column)
    {
        var (columns, rows) = JobTable.Of([job]);
        return rows[0][columns.Select(one => one.Title).ToList().IndexOf(column)];
    }
}
