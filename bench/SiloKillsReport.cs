using System.Globalization;
using System.Text;
using Coordinator.Runs.Measures;

namespace Coordinator.Bench;

/// <summary>What the kills did. Times are in milliseconds.</summary>
internal sealed class SiloKillsReport
{
    // The first ones include the device's initialisation.
    private const int StartSteps = 20;

    private readonly string command;
    private readonly SiloKillsOptions options;
    private readonly MachineLoad machine;
    private readonly SiloKillsTraining disturbed;
    private readonly IReadOnlyList<SiloKillsTraining> undisturbed;
    private readonly IReadOnlyList<Blow> blows;
    private readonly HashSet<string?> hashes;
    private readonly long lost;

    public SiloKillsReport(
        string command,
        SiloKillsOptions options,
        MachineLoad machine,
        SiloKillsTraining disturbed,
        IReadOnlyList<SiloKillsTraining> undisturbed)
    {
        (this.command, this.options, this.machine, this.disturbed, this.undisturbed) = (command, options, machine, disturbed, undisturbed);
        hashes = [disturbed.Job.ModelSha256, .. undisturbed.Select(run => run.Job.ModelSha256)];
        lost = undisturbed.Prepend(disturbed).Sum(run => StepLedger.Of(run.Steps.Select(stored => stored.Step), options.Steps!.Value).Lost);
        var applied = Failovers.AppliedAt(disturbed.Steps);
        blows = [.. disturbed.Blows.Select(
            (blow, i) => Measure(blow, i + 1 < disturbed.Blows.Count ? disturbed.Blows[i + 1].At : DateTimeOffset.MaxValue, applied))];
    }

    /// <summary>Equal hashes, every step recorded once, and nobody left out for a silo's death.</summary>
    public bool Good => hashes.Count == 1 && lost == 0 && disturbed.Job.Failures == 0;

    public string ToTable()
    {
        StringBuilder text = new();
        text.AppendLine();
        Add($"{command}");
        Add($"{machine.Cores} cores, {machine.Cpu}; load average after each run "
            + $"{string.Join(", ", undisturbed.Prepend(this.disturbed).Select(run => run.Load.ToString("0.0", CultureInfo.InvariantCulture)))} (the run's own processes, mostly)");
        Add($"{(options.Backend().IsCluster ? "PostgreSQL" : "SQLite")}, {options.Silos} silos, {options.Workers} workers, {options.Steps} "
            + $"steps; {this.blows.Count} blows, {this.blows.Sum(blow => blow.Silos.Count)} silos killed");
        Add($"hashes        {(this.hashes.Count == 1 ? "identical" : "DIFFERENT")}: {string.Join(' ', this.hashes)}");
        Add($"steps lost    {this.lost}; members left out {this.disturbed.Job.Failures}");
        text.AppendLine();
        Add($"blow  silos        job there   loaded  recorded  welcomed  failover  longest step");
        foreach (var blow in this.blows)
        {
            Add($"{blow.Number,4}  {string.Join(' ', blow.Silos),-12} {(blow.Home ? "yes" : "no"),-9} "
                + $"{Ms(blow.Loaded),8}{Ms(blow.Recorded),10}{Ms(blow.Welcomed),10}{Ms(blow.Failover),10}{blow.LongestStep,14:0}");
        }
        text.AppendLine();
        foreach (var blows in this.blows.GroupBy(blow => blow.Silos.Count))
        {
            foreach (var place in blows.GroupBy(blow => blow.Home).OrderBy(place => place.Key))
            {
                Add($"failover      {blows.Key} at once, {(place.Key ? "the job's own among them" : "the job elsewhere")}: "
                    + $"{Spans(place.Select(blow => blow.Failover))}");
            }
        }

        Add($"              all: {Spans(this.blows.Select(blow => blow.Failover))}; without a kill, from any moment to a record: "
            + $"{Spans(Ordinary())}");
        AddSteps();
        return text.ToString();

        void Add(string line) => text.AppendLine(line);

        void AddSteps()
        {
            var longest = undisturbed.Max(run => Times(run)[^1]);
            var disturbed = Times(this.disturbed);
            Add($"steps         disturbed    {Quantiles(disturbed)}, {this.disturbed.Took.TotalSeconds:0} s");
            foreach (var run in undisturbed)
                Add($"              left alone   {Quantiles(Times(run))}, {run.Took.TotalSeconds:0} s");
            Add($"              {disturbed.Count(time => time > longest)} of {disturbed.Length} disturbed steps took longer than the "
                + "longest that was left "
                + $"alone{(disturbed[^1] > longest ? FormattableString.Invariant($", by up to {disturbed[^1] - longest:0.0} ms") : "")}");
        }
    }

    private Blow Measure(SiloBlow blow, DateTimeOffset until, IReadOnlyList<DateTimeOffset> applied)
    {
        var home = blow.Silos.Count == options.Silos
            || blow.Silos.Any(silo => $"silo-{silo}" == Failovers.HomeAt(blow.At, disturbed.Events));
        var recorded = Failovers.ToRecord(blow.At, disturbed.Steps, applied);
        var loaded = Failovers.ToLoad(blow.At, until, disturbed.Events);
        var welcomed = Failovers.ToWelcome(blow.At, [.. blow.Silos], disturbed.Welcomes);
        if (recorded is null || (home && loaded is null))
        {
            throw new RecoveryFailedException(
                $"after the blow of {blow.At:HH:mm:ss} the job was {(recorded is null ? "never recorded" : "not loaded")} again");
        }
        var longest = disturbed.Steps.Where((_, i) => applied[i] > blow.At && applied[i] < until).Max(
            stored => stored.Step.Milliseconds);
        var failover = new[] { recorded.Value, loaded ?? TimeSpan.Zero, welcomed ?? TimeSpan.Zero }.Max();
        var number = 1 + disturbed.Blows.ToList().IndexOf(blow);
        return new Blow(number, blow.Silos, home, loaded, recorded.Value, welcomed, failover, longest);
    }

    /// <summary>The same measure where nothing was killed, once for each step: what a failover cannot be shorter than.</summary>
    private IEnumerable<TimeSpan> Ordinary()
    {
        var run = undisturbed[0];
        var applied = Failovers.AppliedAt(run.Steps);
        return Enumerable.Range(StartSteps, run.Steps.Count - StartSteps - 1).Select(
            step => run.Steps[step + 1].RecordedAt - applied[step]);
    }

    private static double[] Times(SiloKillsTraining run) =>
        [.. run.Steps.Skip(StartSteps).Select(stored => stored.Step.Milliseconds).Order()];

    private static string Quantiles(double[] times) => string.Create(
        CultureInfo.InvariantCulture, $"median {Quantile(times, 0.5):0.0} ms, p99 {Quantile(times, 0.99):0.0}, p99.9 "
            + $"{Quantile(times, 0.999):0.0}, longest {times[^1]:0.0}");

    private static string Spans(IEnumerable<TimeSpan> spans)
    {
        double[] sorted = [.. spans.Select(span => span.TotalMilliseconds).Order()];
        return string.Create(
            CultureInfo.InvariantCulture, $"median {Quantile(sorted, 0.5):0} ms, maximum {sorted[^1]:0} ms ({sorted.Length})");
    }

    /// <summary>The smallest value that so large a part of all does not exceed.</summary>
    private static double Quantile(double[] sorted, double part) => sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Length) - 1)];

    private static string Ms(TimeSpan? span) =>
        span is { } known ? known.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) : "-";

    private sealed record Blow(
        int Number,
        IReadOnlyList<int> Silos,
        bool Home,
        TimeSpan? Loaded,
        TimeSpan Recorded,
        TimeSpan? Welcomed,
        TimeSpan Failover,
        double LongestStep);
}
