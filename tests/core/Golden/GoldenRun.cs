using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Compute;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Golden;

/// <summary>
/// A small run on one device, with the sums, the norm and the optimizer of the product, whose whole state is hashed at the end. The hash
/// that it must have is kept in <c>golden.json</c>.
/// </summary>
public sealed record GoldenRun(string Name, JobSpec Spec, int Steps)
{
    public static IReadOnlyList<GoldenRun> All { get; } =
    [
        new("linear, 13 samples in 8 shards", Linear(batch: 13, channels: 45), 12),
        new("linear, 3 samples in 8 shards", Linear(batch: 3, channels: 17), 9),
        new("gpt, 6 samples in 4 shards", Gpt(batch: 6, dropout: 0), 6),
        new("gpt with dropout, 7 samples in 4 shards", Gpt(batch: 7, dropout: 0.2), 5),
        new("gpt on 11 windows of text, 4 samples a step", Text(), 7),
    ];

    public static GoldenRun Named(string name) => All.Single(run => run.Name == name);

    public override string ToString() => Name;

    /// <summary>Trains and hashes.</summary>
    /// <param name="options">How the device computes; the hash must not depend on it.</param>
    /// <param name="firstShard">The shard that is computed first: the order of computing is nobody's promise.</param>
    public async Task<string> Sha256Async(CpuDeviceOptions options, int firstShard = 0)
    {
        using var folder = new TemporaryFolder();
        using var data = Spec.Model.Vocab == 256 && Spec.Model.Program == "gpt" ? await FreezeAsync(folder.Path) : null;
        ISampleSource samples = data is null ? new CyclicTokens(Spec.Model.Vocab) : new WindowSampler(
            data, Spec.Model.Block, Spec.Training.Seed);
        using var device = TrainingPrograms.Create(Spec).CreateCpuDevice(samples, options);
        device.Initialize();
        var shards = Spec.Training.Shards;
        var reduced = new ReducedGradient(device.CreateGradient(), Spec.Collective.BlockElements);
        var sum = new TreeSum(Spec.Collective.BlockElements);
        for (var step = 1; step <= Steps; step++)
        {
            var gradients = new DeviceGradient[shards];
            for (var i = 0; i < shards; i++)
            {
                var shard = (firstShard + i) % shards;
                var gradient = gradients[shard] = device.CreateGradient();
                var result = device.ComputeShard(step, shard, gradient, CancellationToken.None);
                (gradient.Loss, gradient.Targets) = (result.LossSum, result.Targets);
            }

            for (var block = 0; block < reduced.Blocks; block++)
            {
                TreePart[] parts = [.. gradients.Select((gradient, i) => new TreePart(
                    Subtree.Leaf(i),
                    gradient.Host(block * Spec.Collective.BlockElements, reduced.LengthOf(block)),
                    gradient.Loss,
                    gradient.Targets))];
                var (loss, targets) = sum.Sum(shards, parts, reduced.Block(block));
                reduced.Finish(block, loss, targets);
            }

            device.ApplyStep(step, reduced.Whole, reduced.TotalSumOfSquares(), reduced.Targets);
        }

        return StateHash(device);
    }

    private static string StateHash(IRankDevice device)
    {
        var state = new float[device.StateElements];
        device.ReadState(0, state);
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(state)));
    }

    private async Task<FrozenData> FreezeAsync(string folder)
    {
        var text = Path.Combine(folder, "text.txt");

        // 11 windows of 16 targets, and 9 bytes that no window holds.
        await File.WriteAllTextAsync(
            text, string.Concat(Enumerable.Repeat("All the world's a stage, and all the men and women merely players. ", 3))[..186]);
        var frozen = new DataFreezer(Path.Combine(folder, "frozen")).Freeze(text, Spec.Model);
        return await new DataStore(Path.Combine(folder, "frozen")).OpenAsync(frozen);
    }

    private static JobSpec Linear(int batch, int channels) =>
        ComputeWorld.Linear(batch, channels) with { Collective = new CollectiveSpec { BlockElements = 16 } };

    private static JobSpec Gpt(int batch, double dropout) =>
        ComputeWorld.Gpt(batch, microBatch: 2, dropout) with { Collective = new CollectiveSpec { BlockElements = 1024 } };

    private static JobSpec Text() =>
        Gpt(batch: 4, dropout: 0) with { Model = new ModelSpec { Layers = 1, Heads = 2, Channels = 32, Block = 16 } };
}
