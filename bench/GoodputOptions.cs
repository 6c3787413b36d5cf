using System.CommandLine;
using Coordinator.Machines.Jobs;

namespace Coordinator.Bench;

/// <summary>How often somebody is killed.</summary>
/// <param name="Name">As it is asked for.</param>
/// <param name="StepSeconds">Shortest step that is wanted; 0: S as it is.</param>
/// <param name="Interval">Mean seconds between kills, or steps, if <paramref name="InSteps"/>.</param>
/// <param name="InSteps">Whether the interval counts steps of the undisturbed run.</param>
/// <param name="Uniform">Whether intervals are drawn from 0 to twice the mean; else all are equal.</param>
internal sealed record Severity(string Name, double StepSeconds, double Interval, bool InSteps, bool Uniform)
{
    /// <summary>torchft's two published runs, by the ratio of interval and step, and fixed times.</summary>
    public static IReadOnlyList<Severity> All { get; } =
    [
        new("torchft-1", 2, 60 / 10.9, true, false),
        new("torchft-2", 2, 15 / 10.9, true, true),
        new("15s", 0, 15, false, false),
        new("5s", 0, 5, false, false),
    ];
}

/// <summary>What the goodput bench is asked for.</summary>
internal sealed record GoodputOptions
{
    public IReadOnlyList<Severity> Severities { get; private init; } = Severity.All;

    /// <summary>Seconds that an undisturbed run is to take.</summary>
    public int Seconds { get; private init; } = 90;

    public int Workers { get; private init; } = 4;

    public ulong Seed { get; private init; } = 1;

    /// <summary>Declares the options.</summary>
    /// <returns>What reads them.</returns>
    public static Func<ParseResult, GoodputOptions> AddTo(BenchCommand command)
    {
        var severity = command.AddText("--severity", $"Which of {Names}, with commas between them (default: all).");
        var seconds = command.AddNumber("--seconds", "Seconds that an undisturbed run is to take.", 90, 10);
        var workers = command.AddNumber("--workers", "Worker processes.", 4, 2);
        var seed = command.AddNumber("--seed", "Decides the training, and who is killed when.", 1, 0);
        return parsed => new GoodputOptions
        {
            Severities = parsed.GetValue(severity) is { } names ? [.. names.Split(',').Select(Find)] : Severity.All,
            Seconds = parsed.GetValue(seconds),
            Workers = parsed.GetValue(workers),
            Seed = (ulong)parsed.GetValue(seed),
        };
    }

    /// <summary>S of the peers' table, with as large a batch as makes a step long enough.</summary>
    public JobSpec Job(long steps, int batch) => new()
    {
        Name = "goodput",
        Ranks = Workers,
        Model = new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 128 },
        Training = new TrainingSpec
        {
            Steps = steps,
            BatchSize = batch,
            Shards = Math.Max(16, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Workers)),
            MicroBatch = 4,
            Seed = Seed,
        },
    };

    private static string Names => string.Join(", ", Severity.All.Select(one => one.Name));

    private static Severity Find(string name) =>
        Severity.All.FirstOrDefault(one => one.Name == name) ?? throw new FormatException($"'{name}' is none of {Names}");
}
