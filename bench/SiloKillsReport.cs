using System.Globalization;
using System.Text;
using Coordinator.Cli.Demo;
using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>What the kills did.</summary>
internal sealed record SiloKillsReport(string Command, SiloKillsOptions Options, MachineLoad Machine, SiloKillsTraining Disturbed, IReadOnlyList<SiloKillsTraining> Undisturbed)
{
    /// <summary>Equal hashes, every step recorded once, and nobody left out for a silo's death.</summary>
    public bool Good => Hashes.Count == 1 && Lost == 0 && Disturbed.Job.Failures == 0;

    private HashSet<string?> Hashes => [Disturbed.Job.ModelSha256, .. Undisturbed.Select(run => run.Job.ModelSha256)];

    private long Lost => StepLedger.Of(Disturbed.Steps.Select(stored => stored.Step), Options.Steps).Lost;

    public string ToTable()
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Command}");
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine.Cores} cores, {Machine.Cpu}; load average after each run {string.Join(", ", Undisturbed.Prepend(Disturbed).Select(run => run.Load.ToString("0.0", CultureInfo.InvariantCulture)))} (the run's own processes, mostly)");
        text.AppendLine(CultureInfo.InvariantCulture, $"hashes           {(Hashes.Count == 1 ? "identical" : "DIFFERENT")}: {string.Join(' ', Hashes)}");
        text.AppendLine(CultureInfo.InvariantCulture, $"steps lost       {Lost} of {Options.Steps}; members left out: {Disturbed.Job.Failures}");
        text.AppendLine(CultureInfo.InvariantCulture, $"blows            {Disturbed.Blows.Count}, {Disturbed.Blows.Sum(blow => blow.Silos.Count)} silos in all");
        foreach (IGrouping<int, SiloBlow> blows in Disturbed.Blows.GroupBy(blow => blow.Silos.Count))
            text.AppendLine(CultureInfo.InvariantCulture, $"failover         {blows.Key} at once: {Spans([.. blows.Select(Failover)])}");
        text.AppendLine(CultureInfo.InvariantCulture, $"  without a kill {Spans(Gaps(Undisturbed[0]))} between two records");
        text.AppendLine(CultureInfo.InvariantCulture, $"job reloaded     {Spans([.. Disturbed.Blows.Select(Reload).OfType<double>()])} after the kill");
        text.AppendLine(CultureInfo.InvariantCulture, $"step, disturbed  {Steps(Disturbed)}; {Disturbed.Took.TotalSeconds:0} s");
        foreach (SiloKillsTraining run in Undisturbed)
            text.AppendLine(CultureInfo.InvariantCulture, $"step, left alone {Steps(run)}; {run.Took.TotalSeconds:0} s");
        return text.ToString();
    }

    /// <summary>From the kill until steps were recorded again, ms.</summary>
    private double Failover(SiloBlow blow)
    {
        // What was recorded within a report's period of the kill may have been applied before it.
        StoredStep? next = Disturbed.Steps.FirstOrDefault(stored => stored.RecordedAt - TimeSpan.FromMilliseconds(stored.Step.Milliseconds) > blow.At);
        return next is null ? double.PositiveInfinity : (next.RecordedAt - blow.At).TotalMilliseconds;
    }

    /// <summary>From the kill until another silo had loaded the job, ms; null where its silo was not hit.</summary>
    private double? Reload(SiloBlow blow)
    {
        StoredEvent? loaded = Disturbed.Events.FirstOrDefault(stored => stored.Event.Kind == EventKinds.JobActivated && stored.Time > blow.At);
        return loaded is not null && loaded.Time - blow.At < Options.Every ? (loaded.Time - blow.At).TotalMilliseconds : null;
    }

    private static double[] Gaps(SiloKillsTraining run) =>
        [.. run.Steps.Zip(run.Steps.Skip(1), (one, next) => (next.RecordedAt - one.RecordedAt).TotalMilliseconds).Where(gap => gap > 0)];

    private static string Steps(SiloKillsTraining run)
    {
        // The first ones include the device's initialisation.
        double[] times = [.. run.Steps.Skip(20).Select(stored => stored.Step.Milliseconds).Order()];
        return string.Create(CultureInfo.InvariantCulture, $"median {times[times.Length / 2]:0.0} ms, p99 {times[(int)(times.Length * 0.99)]:0.0}, p99.9 {times[(int)(times.Length * 0.999)]:0.0}, longest {times[^1]:0.0} ms");
    }

    private static string Spans(double[] spans)
    {
        Array.Sort(spans);
        return spans.Length == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"median {spans[spans.Length / 2]:0} ms, longest {spans[^1]:0} ms ({spans.Length})");
    }
}
