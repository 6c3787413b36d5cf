namespace Coordinator.Runs.View;

/// <summary>
/// The view for an output that is no terminal: each event once, a line of progress every so often, a notice when it changes.
/// </summary>
public sealed class PlainLines
{
    private static readonly TimeSpan ProgressPeriod = TimeSpan.FromSeconds(2);

    private readonly HashSet<EventLine> said = [];
    private TimeSpan? lastProgress;
    private long lastDone = -1;
    private string lastNotice = "";
    private bool invited;
    private bool toldNoPromise;

    /// <summary>What is to be printed for this view, given what was printed before.</summary>
    /// <param name="view">The view of this moment, with all events that came since the last call among its last ones.</param>
    public IEnumerable<string> Next(RunView view)
    {
        foreach (var line in view.Events)
        {
            if (said.Add(line))
                yield return $"{line.Time.LocalDateTime:HH:mm:ss.f}  {line.Text}";
        }

        if (view.NoPromise.Length > 0 && !toldNoPromise)
        {
            toldNoPromise = true;
            yield return $"            {view.NoPromise}";
        }

        if (view.Notice != lastNotice)
        {
            lastNotice = view.Notice;
            if (view.Notice.Length > 0)
                yield return $"            {view.Notice}";
        }

        var isLast = view.Total > 0 && view.Done == view.Total;
        var isDue = lastProgress is null || view.Elapsed - lastProgress >= ProgressPeriod || isLast;
        if (view.Done != lastDone && isDue && view.Total > 0)
        {
            lastProgress = view.Elapsed;
            lastDone = view.Done;
            yield return Progress(view);
        }

        if (!invited && view.Victim is { } victim && view.Done > 0)
        {
            invited = true;
            yield return $"            try it yourself:  kill -9 {victim}";
        }
    }

    private static string Progress(RunView view)
    {
        var loss = view.Loss is { } value ? $"  loss {value:0.0000}" : "";
        var rate = view.TokensPerSecond is { } tokens ? $"  {Words.Count(tokens)} tokens/s" : "";
        var left = view.Left is { } time && view.Done < view.Total ? $"  {Words.Clock(time)} left" : "";
        var promise = view.NoPromise.Length > 0 ? "  no promise" : "";
        return $"{Words.Clock(view.Elapsed),10}  step {view.Done} of {view.Total}{loss}{rate}{left}  generation {view.Generation}{promise}";
    }
}
