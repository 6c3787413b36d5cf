using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Processes;

namespace Coordinator.Runs.View;

/// <summary>Turns what was polled into what is shown. Pure: the same data gives the same view.</summary>
public static class RunViewBuilder
{
    /// <summary>Most values in <see cref="RunView.Losses"/>.</summary>
    public const int LossPoints = 60;

    private const double RateWindowMs = 5000;

    /// <summary>The view of a moment.</summary>
    /// <param name="data">What is known.</param>
    /// <param name="shownEvents">Number of last events in the view.</param>
    public static RunView Build(RunData data, int shownEvents = 8)
    {
        var job = data.Job;
        var total = job?.Spec.Training.Steps ?? 0;
        var done = DoneOf(data);
        var workers = WorkerRows.Build(data);
        return new RunView
        {
            Title = data.Title,
            Phase = job?.Phase ?? "starting",
            Reason = job is null || job.Phase == "running" ? "" : job.Reason,
            NoPromise = job?.NoPromise ?? "",
            Done = done,
            Total = total,
            Elapsed = data.Now - data.Started,
            Left = job?.Phase is "finished" or "failed" ? TimeSpan.Zero : TimeLeft(data.Steps, total - done),
            Losses = Condense(data.Steps.Select(step => step.Loss).ToArray(), LossPoints),
            Loss = data.Steps.Count > 0 ? data.Steps[^1].Loss : job?.Loss,
            TokensPerSecond = Rate(data.Steps),
            Generation = job?.Generation ?? 0,
            Failures = job?.Failures ?? 0,
            Workers = workers,
            Events = LastEvents(data, shownEvents),
            Notice = Notice(data, workers),
            Victim = Victim(data, workers),
        };
    }

    /// <summary>Steps that are recorded as far as is known.</summary>
    internal static long DoneOf(RunData data) => data.Steps.Count > 0 ? data.Steps[^1].Step : data.Job?.Recorded ?? 0;

    /// <summary>Averages neighbours so that at most <paramref name="points"/> values remain.</summary>
    public static IReadOnlyList<double> Condense(IReadOnlyList<double> values, int points)
    {
        if (values.Count <= points)
            return values;
        var condensed = new double[points];
        for (var point = 0; point < points; point++)
        {
            var from = (int)((long)point * values.Count / points);
            var to = (int)((long)(point + 1) * values.Count / points);
            double sum = 0;
            for (var index = from; index < to; index++)
                sum += values[index];
            condensed[point] = sum / (to - from);
        }

        return condensed;
    }

    private static double? Rate(IReadOnlyList<StepRecord> steps)
    {
        double milliseconds = 0;
        long targets = 0;
        for (var index = steps.Count - 1; index >= 0 && milliseconds < RateWindowMs; index--)
        {
            milliseconds += steps[index].Milliseconds;
            targets += steps[index].Targets;
        }

        return milliseconds > 0 ? targets * 1000 / milliseconds : null;
    }

    // The mean of the recent steps, recoveries included: the failures of the next minute are likely those of the last.
    private static TimeSpan? TimeLeft(IReadOnlyList<StepRecord> steps, long remaining)
    {
        const int recent = 100;
        var from = Math.Max(1, steps.Count - recent);
        if (steps.Count < 3 || remaining < 0)
            return null;
        double milliseconds = 0;
        for (var index = from; index < steps.Count; index++)
            milliseconds += steps[index].Milliseconds;
        return TimeSpan.FromMilliseconds(milliseconds / (steps.Count - from) * remaining);
    }

    private static EventLine[] LastEvents(RunData data, int shownEvents)
    {
        var stored = data.Events.Where(EventText.IsShown).Select(EventText.Line);
        var local = data.Notes.Select(EventText.Line);
        return [.. stored.Concat(local).OrderBy(line => line.Time).TakeLast(shownEvents)];
    }

    private static string Notice(RunData data, IReadOnlyList<WorkerRow> workers)
    {
        var silos = data.Children.Where(child => LocalCluster.IsSilo(child.Name)).ToArray();
        var down = silos.Where(silo => silo.Phase != ChildPhase.Ready).Select(silo => silo.Name).ToArray();
        if (data.SiloAway is { } away)
        {
            return data.SiloSupervised
                ? (silos.Length > 1 ? "no silo answers" : "the silo is restarting")
                    + (HasBegun(data)
                        ? $"; training goes on without {(silos.Length > 1 ? "them" : "it")}"
                        : "; the job begins when it is back")
                : $"the silo has not answered since {(data.Now - away).LocalDateTime:HH:mm:ss}; "
                    + $"{(HasBegun(data) ? "training goes on without it, and " : "")}this view goes on when it is back";
        }

        if (down.Length > 0 && silos.Length > down.Length)
        {
            return $"{string.Join(" and ", down)} {(down.Length == 1 ? "is" : "are")} restarting; "
                + $"{(silos.Length - down.Length == 1 ? "the other one takes" : "the others take")} over";
        }

        if (data.Job is { Phase: "waiting" or "forming", Generation: > 0 } job && workers.All(worker => !worker.Connected))
        {
            var limit = job.Spec.FaultTolerance.StateTimeout;
            var until = limit == TimeSpan.Zero ? "for as long as it takes" : $"for up to {Words.Duration(limit)}";
            return $"all workers are gone; the job waits {until} for one that holds the state at step {job.Recorded}";
        }

        return data.Job is { Phase: "waiting" } waiting ? $"the job waits: {waiting.Reason}" : "";
    }

    private static bool HasBegun(RunData data) => DoneOf(data) > 0;

    // The highest rank that computes: killing rank 0 is as good, but most people would expect that to be special.
    private static int? Victim(RunData data, IReadOnlyList<WorkerRow> workers)
    {
        if (data.Children.Count == 0 || data.Job?.Phase is "finished" or "failed")
            return null;
        return workers.LastOrDefault(worker => worker is { Connected: true, Pid: not null } && worker.Ranks != WorkerRows.NoRank)?.Pid;
    }
}
