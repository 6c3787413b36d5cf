using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Compute;

/// <summary>Small jobs, samples and steps for tests of devices.</summary>
internal static class ComputeWorld
{
    public static JobSpec Gpt(int batch = 6, int microBatch = 2, double dropout = 0, int vocab = 19) => new()
    {
        Model = new ModelSpec { Layers = 2, Heads = 3, Channels = 24, Block = 20, Vocab = vocab, Dropout = dropout },
        Training = new TrainingSpec { Steps = 10, BatchSize = batch, Shards = 4, MicroBatch = microBatch, Seed = 42 },
        Optimizer = new OptimizerSpec { LearningRate = 1e-2, MinLearningRate = 1e-3, WarmupSteps = 3 },
    };

    public static JobSpec Linear(int batch, int channels = 30) => new()
    {
        Model = new ModelSpec { Program = "linear", Channels = channels },
        Training = new TrainingSpec { Steps = 200, BatchSize = batch, Shards = 8, MicroBatch = 4, Seed = 7 },
        Optimizer = new OptimizerSpec { LearningRate = 0.05, MinLearningRate = 0.001, WarmupSteps = 5, WeightDecay = 0, GradientClip = 0 },
    };

    public static IRankDevice Device(JobSpec spec, VectorWidth width = VectorWidth.Auto)
    {
        var device = TrainingPrograms.Create(spec).CreateCpuDevice(
            new CyclicTokens(spec.Model.Vocab), new CpuDeviceOptions { Width = width });
        device.Initialize();
        return device;
    }

    /// <summary>One whole step on one rank: shards summed in the canonical tree, four at most.</summary>
    public static (double LossSum, long Targets) Step(IRankDevice device, long step, int shards)
    {
        var gradients = new float[shards][];
        double loss = 0;
        long targets = 0;
        for (var i = 0; i < shards; i++)
        {
            gradients[i] = new float[device.ParameterCount];
            var result = device.ComputeShard(step, i, gradients[i], CancellationToken.None);
            loss += result.LossSum;
            targets += result.Targets;
        }

        for (var stride = 1; stride < shards; stride *= 2)
        {
            for (var i = 0; i < shards; i += 2 * stride) BlockMath.Add(gradients[i], gradients[i + stride]);
        }

        device.ApplyStep(step, gradients[0], BlockMath.SumOfSquares(gradients[0]), targets);
        return (loss, targets);
    }

    public static float[] Parameters(IRankDevice device)
    {
        var parameters = new float[device.ParameterCount];
        device.ReadState(0, parameters);
        return parameters;
    }

    public static string StateHash(IRankDevice device)
    {
        var state = new float[device.StateElements];
        device.ReadState(0, state);
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(state)));
    }
}
