using Coordinator.Machines;
using Coordinator.Machines.Ledger;

namespace Coordinator.Tests.Machines.Ledger;

/// <summary>What a silo would have stored of a job, told in seconds.</summary>
internal sealed class LedgerStory
{
    public static readonly JobId Job = new("job-1");
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly JobLedgerBuilder builder = new(Job);
    private long generation;
    private int timeline;

    public LedgerStory(int ranks, string named = "ranks") => Tell(0, EventKinds.JobSubmitted, numbers: new() { [named] = ranks });

    public static GpuId Gpu(int node) => new(new NodeId($"n{node}"), 0);

    public LedgerStory Tell(
        double at, string kind, string? cause = null, int? node = null, long? step = null, double? seconds = null, string text = "",
        Dictionary<string, double>? numbers = null)
    {
        builder.Add(new HistoryEvent(Time(at), new CoordinatorEvent
        {
            Kind = kind,
            Job = Job,
            Cause = cause,
            Node = node is { } of ? Gpu(of).Node : null,
            Gpu = node is { } its ? Gpu(its) : null,
            Step = step,
            DurationMs = seconds * 1000,
            Text = text,
            Timeline = timeline,
            Generation = generation,
            Numbers = numbers,
        }));
        return this;
    }

    public LedgerStory Exclude(double at, int node, string cause) =>
        Tell(at, EventKinds.RankExcluded, cause, node, text: $"n{node}/0 is out: {cause}");

    public LedgerStory Form(double at, int ranks, string? cause = null, bool onNewTimeline = false)
    {
        generation++;
        timeline += onNewTimeline ? 1 : 0;
        return Tell(at, EventKinds.GenerationForming, cause, numbers: new() { ["ranks"] = ranks });
    }

    /// <summary>Too few are left: the next generation's membership is theirs, and none forms of it.</summary>
    public LedgerStory Starve(double at, string cause)
    {
        generation++;
        return Tell(at, EventKinds.JobWaiting, cause, numbers: new() { ["needs"] = 2 });
    }

    public LedgerStory Plan(double at) => Tell(at, EventKinds.GenerationPlanned);

    public LedgerStory Run(double at, long step, double? seconds = null, string? cause = null) =>
        Tell(at, EventKinds.GenerationRunning, cause, step: step, seconds: seconds);

    /// <summary>Steps that follow each other, the first one applied at a moment; they are recorded a moment later, two at a time.</summary>
    public LedgerStory Steps(double at, long first, params double[] durations)
    {
        var (now, step) = (at, first);
        Apply(now, double.NaN);
        foreach (var duration in durations)
            Apply(now += duration, duration);
        return this;

        void Apply(double applied, double duration)
        {
            var late = step % 2 == 0 ? 0.02 : 0.3;
            builder.Add(new HistoryStep(
                Time(applied + late), timeline, new StepRecord(step++, generation, 1, 1, duration * 1000, 1)));
        }
    }

    public JobLedger Ledger(double now) => builder.Build(Time(now))!;

    private static DateTimeOffset Time(double at) => Start + TimeSpan.FromSeconds(at);
}
