using System.Globalization;
using System.Numerics;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// How large the swarm is, and the names of what it consists of. A job takes gpus by their class: the first gpus of each node are of
/// <see cref="RankClass"/>, the others of <see cref="IdleClass"/>, so that a job of as many ranks as nodes has one rank on each of them.
/// </summary>
/// <param name="Nodes">Nodes. At least 1.</param>
/// <param name="GpusPerNode">Gpus of each. At least 1.</param>
/// <param name="RankGpus">Gpus of each node that may be ranks, the first ones. 1 to <paramref name="GpusPerNode"/>.</param>
public sealed record SwarmShape(int Nodes, int GpusPerNode, int RankGpus)
{
    /// <summary>Device class of gpus that may be ranks.</summary>
    public const string RankClass = "swarm-rank";

    /// <summary>Device class of the others: they have grains and telemetry, and no job takes them.</summary>
    public const string IdleClass = "swarm-idle";

    /// <summary>The tiny job that a swarm plays: one that trains for as long as it is looked at, and saves nothing.</summary>
    /// <param name="ranks">Ranks that it wants.</param>
    /// <param name="patience">How long it waits for all of them.</param>
    public static JobSpec JobOf(int ranks, TimeSpan patience)
    {
        var shards = Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)ranks));
        return new JobSpec
        {
            Name = $"swarm-{ranks}",
            Ranks = ranks,
            DeviceClass = RankClass,
            Model = new ModelSpec { Program = "linear" },
            Training = new TrainingSpec { Steps = 1_000_000_000, Shards = shards, BatchSize = shards, MicroBatch = 1 },
            Checkpoint = new CheckpointSpec { Interval = "off" },
            FaultTolerance = new FaultToleranceSpec { StartTimeout = patience },
        };
    }

    /// <summary>Words of 64 bits that have a bit for each gpu.</summary>
    public int Words => ((Nodes * GpusPerNode) + 63) / 64;

    /// <summary>Five digits, so that names sort as numbers do; more where there are more nodes.</summary>
    private int Digits
    {
        get
        {
            var digits = 5;
            for (var most = 100_000L; most < Nodes; most *= 10)
                digits++;
            return digits;
        }
    }

    /// <summary>Name of a node, from 0.</summary>
    public NodeId NameOf(int node) => new($"n{node.ToString(CultureInfo.InvariantCulture).PadLeft(Digits, '0')}");

    /// <summary>A node's gpus, as its hello describes them.</summary>
    public IReadOnlyList<GpuDescription> Describe() =>
        [.. Enumerable.Range(0, GpusPerNode).Select(
            index => new GpuDescription(index, "swarm", index < RankGpus ? RankClass : IdleClass, "cpu"))];

    /// <summary>Number of a gpu among all of the swarm; numbers are in the order of <see cref="GpuId"/>.</summary>
    /// <exception cref="FormatException">The gpu is none of the swarm's.</exception>
    public int NumberOf(GpuId gpu) => NumberOf(gpu.Node.Value, gpu.Index);

    /// <summary>Number of a gpu by its node's name and its index.</summary>
    /// <exception cref="FormatException">The gpu is none of the swarm's.</exception>
    public int NumberOf(ReadOnlySpan<char> name, int index) =>
        name.Length == Digits + 1 && name[0] == 'n'
            && int.TryParse(name[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var node) && node < Nodes && index < GpusPerNode
            ? (node * GpusPerNode) + index
            : throw new FormatException($"{name}/{index} is no gpu of this swarm");
}
