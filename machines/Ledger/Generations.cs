namespace Coordinator.Machines.Ledger;

/// <summary>A generation by the events that tell of it. Times in s since the job's submission.</summary>
internal sealed class Generation
{
    /// <summary>Its number.</summary>
    public required long Number { get; init; }

    /// <summary>When its membership was durable.</summary>
    public double? FormedAt { get; set; }

    /// <summary>When its plans were out.</summary>
    public double? PlannedAt { get; set; }

    /// <summary>When all were known to have applied a step, and which.</summary>
    public (long Step, double At)? Running { get; set; }

    /// <summary>When the first sign came that it would be needed.</summary>
    public double? SignAt { get; set; }

    /// <summary>Its ranks.</summary>
    public long? Ranks { get; set; }

    /// <summary>Why it formed.</summary>
    public string? Cause { get; set; }
}

/// <summary>All generations of a job.</summary>
internal sealed class Generations
{
    private readonly SortedList<long, Generation> byNumber = [];

    /// <summary>Events that belong to a generation, by its number and in their order.</summary>
    private readonly SortedList<long, List<(double At, CoordinatorEvent Event)>> told = [];

    /// <summary>From the job's events.</summary>
    public Generations(IReadOnlyList<(double At, CoordinatorEvent Event)> events)
    {
        foreach (var (at, happened) in events)
        {
            if (happened.Generation is not { } number)
                continue;
            if (!told.TryGetValue(number, out var own))
                told[number] = own = [];
            own.Add((at, happened));
            switch (happened.Kind)
            {
                case EventKinds.GenerationForming:
                    var formed = Of(number);
                    formed.FormedAt ??= at;
                    formed.Ranks = Number(happened, "ranks") ?? Number(happened, "members") ?? formed.Ranks;
                    formed.Cause ??= happened.Cause;
                    break;
                case EventKinds.GenerationPlanned:
                    Of(number).PlannedAt = at;
                    break;
                case EventKinds.GenerationRunning:
                    var running = Of(number);
                    running.Running ??= (happened.Step ?? 0, at);
                    running.SignAt ??= happened.DurationMs is { } milliseconds ? at - (milliseconds / 1000) : null;
                    running.Cause = happened.Cause ?? running.Cause;
                    break;
            }
        }
    }

    /// <summary>All, in order.</summary>
    public IEnumerable<Generation> All => byNumber.Values;

    /// <summary>Those behind one, through another.</summary>
    public IEnumerable<Generation> Between(long? after, long? through) => Range(byNumber, after + 1, through);

    /// <summary>Events of the generations from one through another, in their order. A job of weeks has many, so nobody reads all.</summary>
    public IEnumerable<(double At, CoordinatorEvent Event)> EventsOf(long? from, long? through) =>
        Range(told, from, through).SelectMany(own => own).OrderBy(stored => stored.At);

    /// <summary>A generation; one of which no event tells, where none does.</summary>
    public Generation Of(long number)
    {
        if (!byNumber.TryGetValue(number, out var known))
            byNumber[number] = known = new Generation { Number = number };
        return known;
    }

    private static IEnumerable<T> Range<T>(SortedList<long, T> sorted, long? from, long? through)
    {
        var (low, high) = (0, sorted.Count);
        while (from is { } first && low < high)
        {
            var middle = (low + high) >>> 1;
            if (sorted.GetKeyAtIndex(middle) < first)
                low = middle + 1;
            else
                high = middle;
        }

        for (; low < sorted.Count && !(sorted.GetKeyAtIndex(low) > through); low++)
            yield return sorted.GetValueAtIndex(low);
    }

    private static long? Number(CoordinatorEvent happened, string name) =>
        happened.Numbers?.TryGetValue(name, out var value) == true ? (long)value : null;
}
