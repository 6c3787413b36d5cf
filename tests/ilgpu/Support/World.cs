using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Devices;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Ilgpu.Support;

/// <summary>Small jobs, samples, devices and steps.</summary>
internal static class World
{
    public static JobSpec Gpt(int batch = 6, int microBatch = 2, double dropout = 0, int vocab = 19, long steps = 10) => new()
    {
        Model = new ModelSpec { Layers = 2, Heads = 3, Channels = 24, Block = 20, Vocab = vocab, Dropout = dropout },
        Training = new TrainingSpec { Steps = steps, BatchSize = batch, Shards = 4, MicroBatch = microBatch, Seed = 42 },
        Optimizer = new OptimizerSpec { LearningRate = 1e-2, MinLearningRate = 1e-3, WarmupSteps = 3 },
    };

    public static JobSpec Linear(int batch, int channels = 30) => new()
    {
        Model = new ModelSpec { Program = "linear", Channels = channels },
        Training = new TrainingSpec { Steps = 200, BatchSize = batch, Shards = 8, MicroBatch = 4, Seed = 7 },
        Optimizer = new OptimizerSpec { LearningRate = 0.05, MinLearningRate = 0.001, WarmupSteps = 5, WeightDecay = 0, GradientClip = 0 },
    };

    /// <summary>A device on the tests' accelerator, at step 0.</summary>
    public static IlgpuRankDevice Device(JobSpec spec, KernelTuning? tuning = null, int threads = 2)
    {
        var context = TestDevice.ContextFor(threads);
        IlgpuRankDevice device = new(spec, new CyclicTokens(spec.Model.Vocab), TestDevice.Name, context, context.Devices[0], tuning);
        device.Initialize();
        return device;
    }

    /// <summary>The CPU device, at step 0.</summary>
    public static IRankDevice Cpu(JobSpec spec)
    {
        var device = TrainingPrograms.Create(spec).CreateCpuDevice(new CyclicTokens(spec.Model.Vocab), new CpuDeviceOptions());
        device.Initialize();
        return device;
    }

    public static (float[] Gradient, ShardResult Result) Compute(IRankDevice device, long step, int shard)
    {
        using var gradient = device.CreateGradient();
        var result = device.ComputeShard(step, shard, gradient, CancellationToken.None);
        return (Numbers(gradient), result);
    }

    public static float[] Numbers(DeviceGradient gradient)
    {
        gradient.AwaitDownload(gradient.Length);
        return Floats(gradient).ToArray();
    }

    public static Span<float> Floats(DeviceGradient gradient) => gradient.HostFrom(0);

    /// <summary>
    /// One whole step on several ranks of four shards: each computes a run of shards and adds neighbours where they live; what is left of
    /// the canonical tree is finished in host memory, and every rank applies the sum.
    /// </summary>
    /// <returns>Mean loss.</returns>
    public static double Step(IReadOnlyList<IRankDevice> ranks, long step)
    {
        var each = 4 / ranks.Count;
        List<float[]> parts = [];
        double loss = 0;
        long targets = 0;
        for (var rank = 0; rank < ranks.Count; rank++)
        {
            List<DeviceGradient> held = [];
            for (var shard = rank * each; shard < (rank + 1) * each; shard++)
            {
                var gradient = ranks[rank].CreateGradient();
                var result = ranks[rank].ComputeShard(step, shard, gradient, CancellationToken.None);
                loss += result.LossSum;
                targets += result.Targets;
                held.Add(gradient);
            }

            for (var stride = 1; stride < each; stride *= 2)
            {
                for (var i = 0; i < each; i += 2 * stride) ranks[rank].Add(held[i], held[i + stride]);
            }

            held[0].BeginDownload();
            parts.Add(Numbers(held[0]));
            foreach (var gradient in held) gradient.Dispose();
        }

        for (var stride = 1; stride < parts.Count; stride *= 2)
        {
            for (var i = 0; i < parts.Count; i += 2 * stride) BlockMath.Add(parts[i], parts[i + stride]);
        }

        foreach (var rank in ranks) Apply(rank, step, parts[0], targets);
        return loss / targets;
    }

    public static void Apply(IRankDevice rank, long step, float[] reduced, long targets)
    {
        using var whole = rank.CreateGradient();
        reduced.CopyTo(Floats(whole));

        // In two pieces, as blocks arrive.
        var middle = whole.Length / 3;
        whole.BeginUpload(0, middle);
        whole.BeginUpload(middle, whole.Length - middle);
        rank.ApplyStep(step, whole, BlockMath.SumOfSquares(reduced), targets);
    }

    public static float[] State(IRankDevice device)
    {
        var state = new float[device.StateElements];
        device.ReadState(0, state);
        return state;
    }

    public static string Hash(IRankDevice device) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(State(device))));
}
