using System.CommandLine;

namespace Coordinator.Cli.Commands;

/// <summary>
/// Which seeds a simulation runs and how it tells of them, the same for every kind of simulation: a range, or one to replay.
/// </summary>
internal sealed class SeedOptions
{
    /// <summary>The one seed to replay; null: a range of them.</summary>
    public Option<ulong?> Seed { get; } = new("--seed") { Description = "Run this one seed: to replay what a test found." };

    public Option<int> Seeds { get; } = new("--seeds") { Description = "Number of seeds, 1 or more.", DefaultValueFactory = _ => 100 };

    public Option<ulong> Start { get; } = new("--start") { Description = "First of the seeds.", DefaultValueFactory = _ => 1 };

    public Option<int> Jobs { get; } = new("--jobs")
    {
        Description = "Seeds that are run side by side, 1 or more; the report is the same.",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    public Option<bool> Trace { get; } = new("--trace") { Description = "Print every event (with --seed)." };

    /// <summary>Gives a command these options, before its own, with what is checked of them.</summary>
    public void AddTo(Command command)
    {
        Checks.AtLeast(Seeds, 1);
        Checks.AtLeast(Jobs, 1);
        foreach (var option in (Option[])[Seed, Seeds, Start, Jobs, Trace])
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(Trace) && result.GetValue(Seed) is null)
                result.AddError("--trace prints one seed's events; name it with --seed.");
        });
    }
}
