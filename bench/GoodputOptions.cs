using System.Globalization;
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

    public static string Usage => $"goodput [--severity {string.Join(',', Severity.All.Select(one => one.Name))}] [--seconds 90] [--workers 4] [--seed 1]";

    /// <exception cref="FormatException">An option is unknown, ill-typed or out of range; the message says which.</exception>
    public static GoodputOptions Parse(string[] args)
    {
        GoodputOptions options = new();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length) throw new FormatException($"{args[i]} needs a value");
            string value = args[i + 1];
            options = args[i] switch
            {
                "--severity" => options with { Severities = [.. value.Split(',').Select(name => Severity.All.FirstOrDefault(one => one.Name == name) ?? throw new FormatException($"'{name}' is none of {string.Join(", ", Severity.All.Select(one => one.Name))}"))] },
                "--seconds" => options with { Seconds = Number(args[i], value, 10) },
                "--workers" => options with { Workers = Number(args[i], value, 2) },
                "--seed" => options with { Seed = (ulong)Number(args[i], value, 0) },
                _ => throw new FormatException($"{args[i]} {value} is no option of it"),
            };
        }

        return options;
    }

    /// <summary>S of the peers' table, with as large a batch as makes a step long enough.</summary>
    public JobSpec Job(long steps, int batch) => new()
    {
        Name = "goodput",
        Ranks = Workers,
        Model = new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 128 },
        Training = new TrainingSpec { Steps = steps, BatchSize = batch, Shards = Math.Max(16, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Workers)), MicroBatch = 4, Seed = Seed },
    };

    private static int Number(string option, string text, int least) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= 1_000_000 ? number : throw new FormatException($"{option} is a number from {least} on, not {text}");
}
