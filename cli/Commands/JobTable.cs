using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Cli.Commands;

/// <summary>Jobs as columns.</summary>
public static class JobTable
{
    /// <summary>The columns, and a row for each job of either kind.</summary>
    public static (
        IReadOnlyList<Column> Columns, IReadOnlyList<IReadOnlyList<string>> Rows) Of(IEnumerable<JobView> jobs, IEnumerable<GangView> gangs)
    {
        var (columns, rows) = Of(jobs);
        return (columns, [.. rows, .. gangs.Select(RowOf)]);
    }

    /// <summary>What is to be said of some jobs beside the table, since it is out of the ordinary: a line each.</summary>
    public static IEnumerable<string> Remarks(IEnumerable<JobView> jobs) =>
        jobs.Where(job => job.NoPromise is not null).Select(job => $"{job.Id}: {job.NoPromise}");

    private static IReadOnlyList<string> RowOf(GangView gang) =>
    [
        gang.Id.Value, gang.PhaseName, gang.Step is { } step ? $"{step}" : "-", "-",
        $"{gang.Nodes.Sum(node => node.Ranks.Count(rank => rank.Exit is null))}/{gang.Spec.RanksOn(gang.Spec.MaxNodes)}",
        $"{gang.Generation}", $"{gang.Restarts}", "-", gang.FirstFailure?.Text ?? "-",
        gang.Phase == "waiting" ? gang.Reason : "-", $"{gang.Incarnation}", "-",
        gang.Spec.DeviceClass.Length > 0 ? gang.Spec.DeviceClass : "-", gang.Reason, "-",
    ];

    /// <summary>The columns, and a row for each job.</summary>
    public static (IReadOnlyList<Column> Columns, IReadOnlyList<IReadOnlyList<string>> Rows) Of(IEnumerable<JobView> jobs) =>
    (
        [
            new("JOB"), new("PHASE"), new("STEP"), new("LOSS"), new("RANKS"), new("GENERATION"), new("FAILURES"), new("BITS"),
            new("FIRST CAUSE"),
            new("WAITS FOR"),
            new("INCARNATION", true), new("TIMELINE", true), new("DEVICE CLASS", true), new("REASON", true), new("MODEL SHA-256", true),
        ],
        [
            .. jobs.Select(job => (IReadOnlyList<string>)
            [
                job.Id.Value, job.PhaseName, $"{job.Recorded}/{job.Spec.Training.Steps}", job.Loss?.ToString("0.0000") ?? "-",
                $"{job.Members.Count}/{job.Spec.Ranks}", $"{job.Generation}", $"{job.Failures}",
                job.NoPromise is null ? "equal" : "no promise", job.FirstCause ?? "-",
                job.Phase == "waiting" && job.Shortage.Length > 0 ? job.Shortage : "-",
                $"{job.Incarnation}", $"{job.Timeline}", job.DeviceClass.Length > 0 ? job.DeviceClass : "-", job.Reason,
                job.ModelSha256 ?? "-",
            ]),
        ]
    );
}
