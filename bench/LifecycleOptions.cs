using System.CommandLine;


namespace Coordinator.Bench;

/// <summary>What the lifecycle bench is asked for.</summary>
internal sealed record LifecycleOptions
{
    public IReadOnlyList<LifecycleSchedule> Schedules { get; private init; } = LifecycleSchedules.All;

    public ulong Seed { get; private init; } = 1;

    /// <summary>
    /// Whether an ended run is gone on with by the command that started it, as a batch system does, and not by <c>resume</c>.
    /// </summary>
    public bool SameCommand { get; private init; }

    /// <summary>Declares the options.</summary>
    /// <returns>What reads them.</returns>
    public static Func<ParseResult, LifecycleOptions> AddTo(BenchCommand command)
    {
        var schedules = command.AddText("--schedule", "Which of these, with commas between them (default: all): "
            + $"{string.Join(", ", LifecycleSchedules.All.Select(one => one.Name))}.");
        var seed = command.AddNumber("--seed", "Decides the training, and who is killed when.", 1, 0);
        var again = command.AddChoice(
            "--again", "What goes on with an ended run: resume, or the same command, as a batch system does.", "resume", "same");
        return parsed => new LifecycleOptions
        {
            Seed = (ulong)parsed.GetValue(seed),
            SameCommand = parsed.GetValue(again) == "same",
            Schedules = parsed.GetValue(schedules) is { } names ? [.. names.Split(',').Select(Find)] : LifecycleSchedules.All,
        };
    }

    private static LifecycleSchedule Find(string name) =>
        LifecycleSchedules.All.FirstOrDefault(one => one.Name == name) ?? throw new FormatException($"there is no schedule {name}");
}
