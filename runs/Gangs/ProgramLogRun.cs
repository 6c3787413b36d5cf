using Coordinator.Machines;
using Coordinator.Runs.Jobs;

namespace Coordinator.Runs.Gangs;

/// <summary>Follows what the programs of a training job's ranks say, through restarts and moves, until the job is over.</summary>
public sealed class ProgramLogRun(SiloCalls calls, JobId job, LogPrinter printer, IReadOnlyList<int> ranks)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);

    private volatile JobView? last;

    /// <summary>Until the job is over and all that these ranks said was printed.</summary>
    public async Task FollowAsync(CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            Task[] reading =
            [
                .. ranks.Select(rank => new LogFollower(calls, job, trains: true, rank, printer)
                    .FollowAsync(() => LogTarget.Of(last, rank), end.Token)),
            ];
            for (var all = Task.WhenAll(reading); !all.IsCompleted; await Task.WhenAny(all, Task.Delay(Period, end.Token)))
                last = await calls.AskAsync((silo, limit) => silo.GetJobAsync(job, limit), end.Token) ?? last;
            await Task.WhenAll(reading);
        }
        finally
        {
            await end.CancelAsync();
        }
    }
}
