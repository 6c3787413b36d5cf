namespace Coordinator.Machines.Ledger;

/// <summary>One pass over a job's runs of steps and what lies between them.</summary>
internal sealed class JobLedgerWalk
{
    /// <summary>A report of steps may be so late without the job being stalled, s.</summary>
    private const double ReportPatience = 2;

    private readonly JobId job;
    private readonly DateTimeOffset from;
    private readonly IReadOnlyList<(double At, CoordinatorEvent Event)> events;
    private readonly (double From, double Through)[] saves;
    private readonly Generations generations;
    private readonly WantedRanks wanted;
    private readonly StepRuns runs;
    private readonly IdealSteps ideals;
    private readonly MissingRanks missing = new();
    private readonly Account account = new();
    private readonly List<Incident> incidents = [];

    /// <summary>Of a job's events from its submission on, and its steps.</summary>
    public JobLedgerWalk(JobId job, IReadOnlyList<HistoryEvent> events, StepRuns runs)
    {
        this.job = job;
        this.runs = runs;
        from = events[0].At;
        this.events = [.. events.Select(stored => ((stored.At - from).TotalSeconds, stored.Event))];
        saves =
        [
            .. from stored in this.events
               where stored.Event is { Kind: EventKinds.CheckpointSaved, DurationMs: not null }
               orderby stored.At
               select (stored.At - (stored.Event.DurationMs!.Value / 1000), stored.At),
        ];
        generations = new Generations(this.events);
        wanted = new WantedRanks(this.events, generations.All.Max(generation => generation.Ranks) ?? 1);
        Place();
        ideals = new IdealSteps(runs.All.Select(run => (run, RanksOf(run.Generation))));
    }

    /// <summary>Places all runs in time, one behind the other: members apply nothing between their answers and the next plans.</summary>
    private void Place()
    {
        var latest = new Dictionary<StepRun, double>();
        var bound = wanted.EndedAt ?? double.MaxValue;
        foreach (var run in runs.All.Reverse())
        {
            latest[run] = bound;
            bound = Math.Min(bound, generations.Of(run.Generation).PlannedAt ?? bound);
        }

        var end = 0.0;
        foreach (var run in runs.All)
        {
            var generation = generations.Of(run.Generation);
            var earliest = Math.Max(end, generation.PlannedAt ?? generation.FormedAt ?? 0);
            run.Place(from, earliest, Math.Max(end, latest[run]), generation.Running);
            end = run.End;
        }
    }

    /// <summary>The ledger through a moment.</summary>
    public JobLedger Build(DateTimeOffset moment)
    {
        var now = (moment - from).TotalSeconds;
        var (cursor, last) = (0.0, (StepRun?)null);
        foreach (var run in runs.All)
        {
            Interrupted(cursor, run.Begin, last, run);
            Train(run);
            (cursor, last) = (Math.Max(cursor, run.End), run);
        }

        var through = End(cursor, last, Math.Max(now, cursor));
        var began = Math.Min(through, generations.All.Min(generation => generation.FormedAt) ?? through);
        return JobLedger.Of(job, from, through, wanted.Seconds(began, through), StateOf(), account, incidents) with
        {
            IdealStepMs = last is null ? null : ideals.Of(RanksOf(last.Generation)) * 1000,
            Steps = runs.All.Sum(run => run.Count - runs.Undone(run)),
            UndoneSteps = runs.All.Sum(runs.Undone),
        };
    }

    private long RanksOf(long generation) => generations.Of(generation).Ranks ?? 1;

    private string StateOf() => events.LastOrDefault(stored => stored.Event.Kind is EventKinds.JobFinished or EventKinds.JobFailed
        or EventKinds.JobExtended or EventKinds.JobWaiting or EventKinds.GenerationForming or EventKinds.GenerationRunning)
        .Event?.Kind switch
    {
        EventKinds.JobFinished => "finished",
        EventKinds.JobFailed => "failed",
        null or EventKinds.JobWaiting or EventKinds.JobExtended => "waiting",
        _ => "running",
    };

    /// <summary>The steps of a run behind its first: what they took at the ideal rate, and what they took longer.</summary>
    private void Train(StepRun run)
    {
        var (ranks, undone) = (RanksOf(run.Generation), runs.FirstUndone(run.Timeline));
        var (at, step, save) = (run.Begin, run.FirstStep, 0);
        foreach (var duration in run.Durations)
        {
            var excess = ideals.Excess(ranks, duration);
            Computed(++step >= undone, at, at + duration - excess, ranks);
            if (excess > 0)
            {
                while (save < saves.Length && saves[save].Through <= at)
                    save++;
                var isSaving = save < saves.Length && saves[save].From < at + duration;
                Spend(isSaving ? LedgerCause.CheckpointSave : LedgerCause.Straggler, at + duration - excess, at + duration);
            }

            at += duration;
        }
    }

    /// <summary>
    /// Ranks computed a step, and those that are missing did not. One that leaves may compute beside the one that takes its place; nobody
    /// wants more than the job does.
    /// </summary>
    private void Computed(bool isUndone, double from, double through, long ranks)
    {
        foreach (var (begin, end, all) in wanted.Pieces(from, through))
        {
            account.Add(isUndone ? LedgerCause.WastedProgress : LedgerCause.Productive, Math.Min(ranks, all), end - begin);
            missing.Settle((int)(all - ranks));
            foreach (var (cause, count) in missing.ByCause)
                account.Add(cause, count, end - begin);
        }
    }

    /// <summary>All ranks that the job wants spent a time with one thing.</summary>
    private void Spend(string cause, double from, double through)
    {
        foreach (var (begin, end, ranks) in wanted.Pieces(from, through))
            account.Add(cause, ranks, end - begin);
    }

    /// <summary>Between two runs, or before the first one.</summary>
    private void Interrupted(double begin, double end, StepRun? before, StepRun after)
    {
        var ranks = RanksOf(after.Generation);
        var interruption = new Interruption(generations, before, after.Generation, begin, Math.Max(begin, end));
        interruption.NoteMissing(missing);
        var first = Math.Min(interruption.Resuming, ideals.Of(ranks) ?? 0);
        Interrupt(interruption, first, goesOn: false);
        Computed(after.FirstStep >= runs.FirstUndone(after.Timeline), interruption.End - first, interruption.End, ranks);
    }

    private void Interrupt(Interruption interruption, double productive, bool goesOn)
    {
        var cost = 0.0;
        foreach (var (cause, begin, end) in interruption.Pieces(interruption.End - productive))
        {
            Spend(cause, begin, end);
            if (begin >= interruption.Since)
                cost += wanted.Pieces(begin, end).Sum(piece => piece.Ranks * (piece.Through - piece.From));
        }

        if (!interruption.IsIncident)
            return;
        incidents.Add(interruption.Describe(from) with
        {
            RankSeconds = cost,
            GoesOn = goesOn,
            UndoneSteps = interruption.Before is { } before ? runs.Undone(before) : 0,
        });
    }

    /// <summary>Behind the last step. Returns through when the account goes.</summary>
    private double End(double cursor, StepRun? last, double now)
    {
        var through = Math.Max(cursor, wanted.EndedAt ?? now);
        var isFinished = StateOf() == "finished";
        var newest = generations.All.LastOrDefault(generation => generation.FormedAt is not null)?.Number;
        var isInterrupted = last is null || newest > last.Generation
            || events.LastOrDefault(stored => stored.Event.Kind is EventKinds.JobWaiting or EventKinds.GenerationRunning).Event?.Kind
                == EventKinds.JobWaiting;
        if (isInterrupted)
        {
            // Where all steps were done by then, what follows it is the end.
            var over = isFinished ? Math.Clamp(generations.All.Last().Running?.At ?? through, cursor, through) : through;
            Interrupt(new Interruption(generations, last, null, cursor, over), 0, goesOn: wanted.EndedAt is null);
            Spend(LedgerCause.Finish, over, through);
            return through;
        }

        if (wanted.EndedAt is not null)
        {
            Spend(LedgerCause.Finish, cursor, through);
            return through;
        }

        // The step in hand is not known yet; a job that has said nothing for much longer is stalled by somebody.
        if (through - cursor <= ReportPatience + (3 * (ideals.Of(RanksOf(last!.Generation)) ?? 0)))
            return cursor;
        Spend(LedgerCause.Straggler, cursor, through);
        return through;
    }
}
