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
    private readonly string command;
    private readonly RecoveryOptions options;
    private readonly MachineLoad before;
    private readonly MachineLoad after;
    private readonly IReadOnlyList<RecoverySample> samples;
    private readonly (string Name, string About, double[] Values)[] spans;
    private readonly double step;
    private readonly int undisturbed;
    private readonly long steps;
    private readonly long lost;

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
        (this.command, this.options, this.before, this.after, this.samples) = (command, options, before, after, samples);
        this.steps = job.Recorded;
        lost = StepLedger.Of(steps, job.Recorded).Lost;
        var undisturbed = Undisturbed(events, steps);
        this.undisturbed = undisturbed.Length;
        step = Quantile(undisturbed, 0.5);
        spans =
        [
            ("noticed", "kill to a survivor's loss of the connection", Ms(samples.Select(sample => sample.Noticed))),
            ("forming", "kill to the decision for a new generation", Ms(samples.Select(sample => (TimeSpan?)sample.Detected))),
            ("answered", "kill to the last survivor's promise", Ms(samples.Select(sample => (TimeSpan?)sample.Answered))),
            ("planned", "kill to the plans", Ms(samples.Select(sample => (TimeSpan?)sample.Planned))),
            ("gross", "kill to the next step applied on all ranks", Ms(samples.Select(sample => (TimeSpan?)sample.Gross))),
            ("net", "the same, minus the undisturbed step", [.. samples.Select(sample => sample.Gross.TotalMilliseconds - step)]),
            ("rejoin", "start of the new process to a step in a whole generation", Ms(samples.Select(sample => Rejoin(sample, notes)))),
            (
                "interruption",
                "by its return: forming to a step on all ranks",
                Ms(samples.Select(sample => sample.InOne ? null : (TimeSpan?)sample.JoinTook))),
        ];
    }

    public bool Good => lost == 0 && samples.Count == options.Kills;

    public string ToTable()
    {
        StringBuilder text = new();
        text.AppendLine();
        text.AppendLine(command);
        text.AppendLine(before.Until(after));
        text.AppendLine(CultureInfo.InvariantCulture, $"{samples.Count} kills of {options.Workers} workers, model {options.Model}, seed "
            + $"{options.Seed}; {this.steps} steps, lost {this.lost}; undisturbed step {this.step:F0} ms (median of {this.undisturbed})");
        text.AppendLine(CultureInfo.InvariantCulture, $"{Extra("survivors excluded", sample => sample.AlsoExcluded)}, "
            + $"{Extra("recoveries of more than one generation", sample => sample.Generations > 1 ? 1 : 0)}");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"{"ms",-14}{"median",8}{"p99",8}{"max",8}");
        foreach (var (name, about, values) in spans)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"{name,-14}{Quantile(values, 0.5),8:F0}{Quantile(values, 0.99),8:F0}{Quantile(values, 1),8:F0}  {about}");
        }
        return text.ToString();
    }

    public string ToJson()
    {
        JsonObject spans = [];
        foreach (var (name, about, values) in this.spans)
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
            ["command"] = command,
            ["cores"] = before.Cores,
            ["cpu"] = before.Cpu,
            ["load_at_start"] = before.Load,
            ["load_at_end"] = after.Load,
            ["kills"] = samples.Count,
            ["workers"] = options.Workers,
            ["seed"] = options.Seed,
            ["model"] = options.Model,
            ["steps"] = steps,
            ["steps_lost"] = lost,
            ["survivors_excluded"] = samples.Sum(sample => sample.AlsoExcluded),
            ["undisturbed_step_ms"] = Rounded(step),
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
            .. events.Where(stored => stored.Event.Kind == EventKinds.GenerationForming
                && stored.Event.Numbers!["ranks"] == options.Workers).Select(stored => stored.Event.Generation!.Value),
        ];
        return [.. steps.GroupBy(step => step.Generation).Where(generation => whole.Contains(generation.Key))
            .SelectMany(generation => generation.OrderBy(step => step.Step).Skip(2)).Select(step => step.Milliseconds)];
    }

    private string Extra(string what, Func<RecoverySample, int> count) => $"{what}: {samples.Sum(count)}";
}
