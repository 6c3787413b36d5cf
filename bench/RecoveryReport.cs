using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Runs.Measures;
using Coordinator.Runs.Processes;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>All kills of a run, as figures. Times are in milliseconds.</summary>
internal sealed class RecoveryReport
{
    private readonly string _command;
    private readonly RecoveryOptions _options;
    private readonly MachineLoad _before;
    private readonly MachineLoad _after;
    private readonly IReadOnlyList<RecoverySample> _samples;
    private readonly (string Name, string About, double[] Values)[] _spans;
    private readonly double _step;
    private readonly int _undisturbed;
    private readonly long _steps;
    private readonly long _lost;

    public RecoveryReport(
        string command,
        RecoveryOptions options,
        MachineLoad before,
        MachineLoad after,
        IReadOnlyList<RecoverySample> samples,
        IReadOnlyList<StoredEvent> events,
        IReadOnlyList<StepRecord> steps,
        JobView job,
        IReadOnlyList<ChildNote> notes)
    {
        (_command, _options, _before, _after, _samples) = (command, options, before, after, samples);
        _steps = job.Recorded;
        _lost = StepLedger.Of(steps, job.Recorded).Lost;
        double[] undisturbed = Undisturbed(events, steps);
        _undisturbed = undisturbed.Length;
        _step = Quantile(undisturbed, 0.5);
        _spans =
        [
            ("noticed", "kill to a survivor's loss of the connection", Ms(samples.Select(sample => sample.Noticed))),
            ("forming", "kill to the decision for a new generation", Ms(samples.Select(sample => (TimeSpan?)sample.Detected))),
            ("answered", "kill to the last survivor's promise", Ms(samples.Select(sample => (TimeSpan?)sample.Answered))),
            ("planned", "kill to the plans", Ms(samples.Select(sample => (TimeSpan?)sample.Planned))),
            ("gross", "kill to the next step applied on all ranks", Ms(samples.Select(sample => (TimeSpan?)sample.Gross))),
            ("net", "the same, minus the undisturbed step", [.. samples.Select(sample => sample.Gross.TotalMilliseconds - _step)]),
            ("rejoin", "start of the new process to a step in a whole generation", Ms(samples.Select(sample => Rejoin(sample, notes)))),
            ("interruption", "by its return: forming to a step on all ranks", Ms(samples.Select(sample => sample.InOne ? null : (TimeSpan?)sample.JoinTook))),
        ];
    }

    public bool Good => _lost == 0 && _samples.Count == _options.Kills;

    public string ToTable()
    {
        StringBuilder text = new();
        text.AppendLine();
        text.AppendLine(_command);
        text.AppendLine(CultureInfo.InvariantCulture, $"{_before.Cores} cores, {_before.Cpu}, load average {_before.Load:0.0} at the start, {_after.Load:0.0} at the end");
        text.AppendLine(CultureInfo.InvariantCulture, $"{_samples.Count} kills of {_options.Workers} workers, model {_options.Model}, seed {_options.Seed}; {_steps} steps, lost {_lost}; undisturbed step {_step:F0} ms (median of {_undisturbed})");
        text.AppendLine(CultureInfo.InvariantCulture, $"{Extra("survivors excluded", sample => sample.AlsoExcluded)}, {Extra("recoveries of more than one generation", sample => sample.Generations > 1 ? 1 : 0)}");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"{"ms",-14}{"median",8}{"p99",8}{"max",8}");
        foreach ((string name, string about, double[] values) in _spans)
            text.AppendLine(CultureInfo.InvariantCulture, $"{name,-14}{Quantile(values, 0.5),8:F0}{Quantile(values, 0.99),8:F0}{Quantile(values, 1),8:F0}  {about}");
        return text.ToString();
    }

    public string ToJson()
    {
        JsonObject spans = [];
        foreach ((string name, string about, double[] values) in _spans)
        {
            spans[name] = new JsonObject
            {
                ["about"] = about,
                ["count"] = values.Length,
                ["median"] = Rounded(Quantile(values, 0.5)),
                ["p99"] = Rounded(Quantile(values, 0.99)),
                ["max"] = Rounded(Quantile(values, 1)),
                ["all"] = new JsonArray([.. values.Select(value => (JsonNode?)Rounded(value))]),
            };
        }

        return new JsonObject
        {
            ["command"] = _command,
            ["cores"] = _before.Cores,
            ["cpu"] = _before.Cpu,
            ["load_at_start"] = _before.Load,
            ["load_at_end"] = _after.Load,
            ["kills"] = _samples.Count,
            ["workers"] = _options.Workers,
            ["seed"] = _options.Seed,
            ["model"] = _options.Model,
            ["steps"] = _steps,
            ["steps_lost"] = _lost,
            ["survivors_excluded"] = _samples.Sum(sample => sample.AlsoExcluded),
            ["undisturbed_step_ms"] = Rounded(_step),
            ["spans_ms"] = spans,
        }.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true });
    }

    /// <summary>The smallest value that so large a part of all does not exceed.</summary>
    private static double Quantile(IEnumerable<double> values, double part)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Length) - 1)];
    }

    private static double? Rounded(double value) => double.IsFinite(value) ? Math.Round(value, 1) : null;

    private static double[] Ms(IEnumerable<TimeSpan?> spans) => [.. spans.OfType<TimeSpan>().Select(span => span.TotalMilliseconds)];

    private static TimeSpan? Rejoin(RecoverySample sample, IReadOnlyList<ChildNote> notes) =>
        notes.FirstOrDefault(note => note.Child == sample.Worker && note.Exit is null && note.Time > sample.At) is { } started
            ? sample.At + sample.Rejoined - started.Time
            : null;

    /// <summary>Times of the steps in whole generations, but for the first two of each, which the change before made long.</summary>
    private double[] Undisturbed(IReadOnlyList<StoredEvent> events, IReadOnlyList<StepRecord> steps)
    {
        HashSet<long> whole =
        [
            .. events.Where(stored => stored.Event.Kind == EventKinds.GenerationForming && stored.Event.Numbers!["ranks"] == _options.Workers).Select(stored => stored.Event.Generation!.Value),
        ];
        return [.. steps.GroupBy(step => step.Generation).Where(generation => whole.Contains(generation.Key)).SelectMany(generation => generation.OrderBy(step => step.Step).Skip(2)).Select(step => step.Milliseconds)];
    }

    private string Extra(string what, Func<RecoverySample, int> count) => $"{what}: {_samples.Sum(count)}";
}
