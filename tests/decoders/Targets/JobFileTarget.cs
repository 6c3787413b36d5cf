using System.Globalization;
using System.Text;
using Coordinator.Configuration;
using Coordinator.Machines.Jobs;

namespace Coordinator.Decoders.Targets;

/// <summary>Job files. What is accepted is a job that can run, and its effective file gives the same job again.</summary>
public sealed class JobFileTarget : DecoderTarget
{
    private static readonly string[] Pieces =
    [
        ": ", "\n", "  ", "- ", "? ", "*a", "&a ", "!!x ", "{", "}", "[", "]", "\"", "'", "|\n", ">\n", "#", "%YAML 9.9\n", "---\n",
        "...\n", "\t", "\0", "<<: ", "1e9", "~", "\\", "\u2028", "@",
        "job:\n", "model:\n", "training:\n", "  steps: ", "  name: ", "  ranks: ", "checkpoint:\n", "  interval: ", "fault_tolerance:\n",
        "  peer_timeout: ", "9999999999999999999999s", "0.0000000001ms", "-1h", "null", "\uFEFF",
    ];

    /// <inheritdoc/>
    public override string Name => "job-file";

    /// <inheritdoc/>
    public override string About => "job file (YAML)";

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Fragments { get; } = [.. Pieces.Select(Encoding.UTF8.GetBytes)];

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (512 << 10) + (512L * length);

    /// <inheritdoc/>
    public override byte[] Make(Dice dice)
    {
        var shards = 4 << dice.Below(5);
        var heads = 1 + dice.Below(4);
        return Encoding.UTF8.GetBytes(JobFile.Write(new JobSpec
        {
            Name = dice.OneIn(3) ? "a \"name\" \\ : # 'x'" : string.Create(CultureInfo.InvariantCulture, $"job-{dice.Below(1000)}"),
            Ranks = 1 + dice.Below(shards),
            Model = new ModelSpec
            {
                Program = dice.OneIn(3) ? "linear" : "gpt",
                Layers = 1 + dice.Below(6),
                Heads = heads,
                Channels = heads * 16,
                Block = 16 + dice.Below(64),
                Dropout = dice.Below(9) / 10.0,
            },
            Training = new TrainingSpec
            {
                Steps = 1 + dice.Below(100_000),
                BatchSize = shards * (1 + dice.Below(4)),
                Shards = shards,
                MicroBatch = 1 + dice.Below(4),
                Seed = dice.Next(),
            },
            Checkpoint = new CheckpointSpec
            {
                Interval = dice.Of(new[] { "auto", "off", "500", "10m", "1.5h" }),
                RestoreAfter = TimeSpan.FromMilliseconds(dice.Below(100_000)),
            },
        }));
    }

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        JobSpec spec;
        try
        {
            spec = JobFile.Apply(YamlSettings.Read("job.yaml", input)).Spec;
        }
        catch (ConfigurationException refused)
        {
            Hold(!refused.Message.Any(letter => char.IsControl(letter) && letter is not '\n'), "an error steers the terminal");
            return false;
        }

        Hold(JobSpecValidator.Validate(spec).Count == 0, "a job that cannot run was accepted");
        Hold(
            JobFile.Apply(YamlSettings.Read("again.yaml", Encoding.UTF8.GetBytes(JobFile.Write(spec)))).Spec == spec,
            "the effective file gives another job");
        return true;
    }
}
