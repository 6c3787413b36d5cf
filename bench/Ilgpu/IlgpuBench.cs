using System.Diagnostics;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Devices;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Bench.Ilgpu;

/// <summary>
/// Training on one rank of an ILGPU device without a collective: tokens a second, then where the time goes by kernel (each waited for, so
/// the whole is slower). Options: <c>--device ilgpu:cuda:0</c> (default: the only one there is, or ilgpu:cpu), <c>--model tiny|S|gpt2|linear</c>
/// (default tiny on ilgpu:cpu, gpt2 elsewhere), <c>--micro-batch n</c>, <c>--steps n</c>, <c>--peer PYTHON</c> (gpt2 in PyTorch eager
/// float32 on the same GPU afterwards, by bench/peers/gpt2_eager.py).
/// </summary>
internal static class IlgpuBench
{
    public static int Run(string[] args)
    {
        using IlgpuBackend backend = new();
        IReadOnlyList<DeviceDescription> devices = backend.List();
        string wanted = Options.Value(args, "--device") ?? devices[^1].Device;
        if (devices.FirstOrDefault(found => found.Device == wanted) is not { } description)
        {
            Console.Error.WriteLine($"There is no {wanted} on this host; there are: {string.Join(", ", devices.Select(found => found.Device))}.");
            return 2;
        }

        bool simulated = description.Device == "ilgpu:cpu";
        string model = Options.Value(args, "--model") ?? (simulated ? "tiny" : "gpt2");
        if (Spec(model, args) is not { } spec)
        {
            Console.Error.WriteLine($"There is no model {model}; choose tiny, S, gpt2 or linear.");
            return 2;
        }

        Console.WriteLine($"{description.Device}: {description.Name}, {description.MemoryBytes / 1048576} MiB, class {description.DeviceClass}");
        if (simulated) Console.WriteLine("This is ILGPU's simulated device: it shows that the kernels run, not how fast a GPU is.");
        Console.WriteLine($"{model}: {IlgpuRankDevice.MemoryBytes(spec) / 1048576} MiB for state, activations and three gradients");
        using (IlgpuRankDevice device = (IlgpuRankDevice)backend.Create(spec, new RandomTokens(spec.Model.Vocab), description))
        {
            device.Initialize();
            using DeviceGradient sum = device.CreateGradient(), addend = device.CreateGradient();
            List<double> rates = [];
            int steps = Options.Number(args, "--steps", simulated ? 3 : 12);
            for (long step = 1; step <= steps + 2; step++)
            {
                // The first step compiles the kernels, the last one is profiled.
                if (step == steps + 2) device.Kernels.Profile = new KernelProfile();
                Stopwatch watch = Stopwatch.StartNew();
                (long targets, double loss) = Train(device, step, sum, addend);
                if (step > 1 && step < steps + 2) rates.Add(targets / watch.Elapsed.TotalSeconds);
                if (step == steps + 1) Report(device, rates, loss / targets);
                if (step == steps + 2) Report(device.Kernels.Profile!, watch.Elapsed);
            }
        }

        return Options.Value(args, "--peer") is { } python && model == "gpt2" ? Peer(python, spec) : 0;
    }

    // As a rank that holds all four shards: what a collective would add is not here.
    private static (long Targets, double Loss) Train(IlgpuRankDevice device, long step, DeviceGradient sum, DeviceGradient addend)
    {
        long targets = 0;
        double loss = 0;
        for (int shard = 0; shard < 4; shard++)
        {
            ShardResult result = device.ComputeShard(step, shard, shard == 0 ? sum : addend, CancellationToken.None);
            if (shard > 0) device.Add(sum, addend);
            targets += result.Targets;
            loss += result.LossSum;
        }

        // On one rank, the sum goes through host memory as a reduced gradient does.
        sum.AwaitDownload(sum.Length);
        ReadOnlySpan<float> numbers = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(sum.Host(0, sum.Length).AsSpan());
        double squares = BlockMath.SumOfSquares(numbers);
        sum.BeginUpload(0, sum.Length);
        device.ApplyStep(step, sum, squares, targets);
        return (targets, loss);
    }

    private static void Report(IlgpuRankDevice device, List<double> rates, double loss)
    {
        rates.Sort();
        Console.WriteLine(
            $"{device.ParameterCount} parameters, {rates.Count} steps: median {rates[rates.Count / 2]:F0} targets/s (least {rates[0]:F0}, most {rates[^1]:F0}), loss {loss:F3}");
    }

    private static void Report(KernelProfile profile, TimeSpan step)
    {
        Console.WriteLine($"where a step of {step.TotalMilliseconds:F1} ms goes, every kernel waited for:");
        foreach ((string kernel, TimeSpan time, int launches) in profile.Entries)
        {
            Console.WriteLine($"  {kernel,-40}{time.TotalMilliseconds,10:F2} ms {time / step,8:P1} {launches,7} calls");
        }
    }

    private static int Peer(string python, JobSpec spec)
    {
        string script = Path.Combine("bench", "peers", "gpt2_eager.py");
        ProcessStartInfo start = new(python);
        foreach (string argument in new[] { script, "--micro-batch", $"{spec.Training.MicroBatch}", "--batch", $"{spec.Training.BatchSize}" }) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static JobSpec? Spec(string model, string[] args)
    {
        (ModelSpec Model, int MicroBatch)? preset = model switch
        {
            "tiny" => (new ModelSpec { Layers = 2, Heads = 2, Channels = 32, Block = 32, Vocab = 64 }, 2),
            "S" => (new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 128, Vocab = 256 }, 4),
            "gpt2" => (new ModelSpec { Layers = 12, Heads = 12, Channels = 768, Block = 1024, Vocab = 50257 }, 8),
            "linear" => (new ModelSpec { Program = "linear", Channels = 1024 }, 256),
            _ => null,
        };
        if (preset is not { } chosen) return null;
        int microBatch = Options.Number(args, "--micro-batch", chosen.MicroBatch);
        return new JobSpec { Model = chosen.Model, Training = new TrainingSpec { BatchSize = 4 * microBatch, Shards = 4, MicroBatch = microBatch, Steps = 1000 } };
    }

    private sealed class RandomTokens(int vocab) : ISampleSource
    {
        public void ReadSample(long position, Span<int> tokens)
        {
            RandomStream random = new(7, RandomUse.SyntheticData, 1);
            for (int i = 0; i < tokens.Length; i++) tokens[i] = (int)(random.Words((ulong)position, (uint)i).W0 % (uint)vocab);
        }
    }
}
