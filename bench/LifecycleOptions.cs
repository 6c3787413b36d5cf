using System.Globalization;

namespace Coordinator.Bench;

/// <summary>What the lifecycle bench is asked for.</summary>
internal sealed record LifecycleOptions
{
    public IReadOnlyList<LifecycleSchedule> Schedules { get; private init; } = LifecycleSchedules.All;

    public ulong Seed { get; private init; } = 1;

    /// <summary>Whether an ended run is gone on with by the command that started it, as a batch system does, and not by <c>resume</c>.</summary>
    public bool SameCommand { get; private init; }

    public static string Usage => "lifecycle [--schedule NAME,…] [--seed 1] [--again resume|same]; schedules: " + string.Join(", ", LifecycleSchedules.All.Select(one => one.Name));

    /// <exception cref="FormatException">An option is unknown, ill-typed or out of range; the message says which.</exception>
    public static LifecycleOptions Parse(string[] args)
    {
        BenchOptions given = new(args, "--schedule", "--seed", "--again");
        return new LifecycleOptions
        {
            Seed = (ulong)given.Number("--seed", 1, 0),
            SameCommand = given.Text("--again") switch
            {
                null or "resume" => false,
                "same" => true,
                string other => throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"--again is resume or same, not {other}")),
            },
            Schedules = given.Text("--schedule") is not { } names ? LifecycleSchedules.All
                : [.. names.Split(',').Select(name => LifecycleSchedules.All.FirstOrDefault(one => one.Name == name) ?? throw new FormatException($"there is no schedule {name}"))],
        };
    }
}
