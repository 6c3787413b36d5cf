using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Runs.Gangs;

/// <summary>Follows a gang to its end: says what becomes of it, and shows what its ranks say.</summary>
public sealed class GangRun(SiloCalls calls, JobId job, LogPrinter printer, Func<GangView, IEnumerable<int>> shown)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);

    private readonly Dictionary<int, LogFollower> followers = [];
    private volatile GangView? last;
    private string said = "";
    private long judged;

    /// <summary>The gang as it was heard of last.</summary>
    public GangView? Last => last;

    /// <summary>
    /// Until the gang is over and all that is shown of it was printed. Whoever was cut off and follows again goes on where the logs were
    /// read to.
    /// </summary>
    /// <returns>The gang.</returns>
    public async Task<GangView> FollowAsync(CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Dictionary<int, Task> reading = [];
        try
        {
            while (true)
            {
                if (await calls.AskAsync((silo, limit) => silo.GetGangAsync(job, limit), cancel) is { } view)
                {
                    last = view;
                    Say(view);
                    foreach (var rank in shown(view).Where(rank => !reading.ContainsKey(rank)))
                        reading[rank] = FollowerOf(rank).FollowAsync(() => LogTarget.Of(last, rank), end.Token);
                    if (view.Phase is "finished" or "failed")
                    {
                        await Task.WhenAll(reading.Values);
                        return view;
                    }
                }

                await Task.Delay(Period, cancel);
            }
        }
        finally
        {
            await end.CancelAsync();
        }
    }

    /// <summary>The exit code that follows from a gang's end: that of the process that failed first.</summary>
    public static int CodeOf(GangView view) =>
        view.Phase == "finished" ? ExitCodes.Success : view.ExitCode is { } code and not 0 ? code : ExitCodes.RunFailed;

    private LogFollower FollowerOf(int rank)
    {
        if (!followers.TryGetValue(rank, out var follower))
            followers[rank] = follower = new LogFollower(calls, job, trains: false, rank, printer);
        return follower;
    }

    private void Say(GangView view)
    {
        foreach (var failure in view.Failures.Where(failure => failure.Generation > judged))
        {
            printer.Say($"generation {failure.Generation} ended: "
                + $"{failure.Text}{(failure.Followed.Count > 0 ? $" (after it failed {failure.Followed.Count} more)" : "")}");
            foreach (var line in failure.LastLines)
                printer.Say($"  | {line}");
        }

        judged = view.Failures.Select(failure => failure.Generation).Append(judged).Max();
        var processes = Counted.Of(view.Spec.RanksOn(view.Nodes.Count), "process", "processes");
        var now = view.Phase switch
        {
            "running" => $"generation {view.Generation} runs: {processes} on "
                + $"{string.Join(", ", view.Nodes.Take(8).Select(node => node.Node))}{(view.Nodes.Count > 8 ? " …" : "")}",
            "waiting" => $"waiting: {view.Reason}",
            _ => "",
        };
        if (now.Length > 0 && now != said)
            printer.Say(said = now);
    }
}
