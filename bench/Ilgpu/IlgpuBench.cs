using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Devices;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;
using Coordinator.Worker.Programs;

namespace Coordinator.Bench.Ilgpu;

/// <summary>
/// Training on one rank of an ILGPU device without a collective: tokens a second, then where the time goes by kernel (each waited for, so
/// the whole is slower), and with <c>--peer</c> GPT-2 in PyTorch eager float32 on the same GPU (bench/peers/gpt2_eager.py), of whose speed
/// ours must be half at least.
/// </summary>
internal static class IlgpuBench
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand("ilgpu", "tokens a second on an ILGPU device, where the time goes by kernel, and PyTorch beside it");
        var wanted = command.AddText("--device", "Device, such as ilgpu:cuda:0 (default: the first that is no simulated one).");
        var named = command.AddText("--model", "tiny, S, gpt2 or linear (default: gpt2; on ilgpu:cpu tiny).");
        named.AcceptOnlyFromAmong("tiny", "S", "gpt2", "linear");
        var microBatch = command.AddOptionalNumber("--micro-batch", "Samples at a time (default: the model's).", 1, 4096);
        var count = command.AddOptionalNumber("--steps", "Steps that are measured (default: 12; on ilgpu:cpu 3).");
        var peer = command.AddText("--peer", "A Python with PyTorch: GPT-2 in it on the same GPU; with gpt2 on CUDA.");
        return command.Runs(parsed =>
        {
            var backend = new IlgpuBackend();
            var device = Device(backend.List(), parsed.GetValue(wanted));
            var simulated = device.Device == "ilgpu:cpu";
            var model = parsed.GetValue(named) ?? (simulated ? "tiny" : "gpt2");
            var spec = Spec(model, parsed.GetValue(microBatch));
            var steps = parsed.GetValue(count) ?? (simulated ? 3 : 12);
            var python = parsed.GetValue(peer);
            if (python is not null && (model != "gpt2" || !device.Device.StartsWith("ilgpu:cuda", StringComparison.Ordinal)))
                throw new FormatException($"--peer is for gpt2 on a CUDA device, not for {model} on {device.Device}");
            return _ =>
            {
                using (backend)
                    return Task.FromResult(Measure(backend, device, model, spec, steps, python));
            };
        });
    }

    private static DeviceDescription Device(IReadOnlyList<DeviceDescription> devices, string? wanted) =>
        wanted is null ? devices.FirstOrDefault(found => found.Device != "ilgpu:cpu") ?? devices[0]
        : devices.FirstOrDefault(found => found.Device == wanted)
        ?? throw new FormatException(
            $"there is no {wanted} on this host; there are: {string.Join(", ", devices.Select(found => found.Device))}");

    private static bool Measure(IlgpuBackend backend, DeviceDescription description, string model, JobSpec spec, int steps, string? python)
    {
        var load = MachineLoad.Now();
        Console.WriteLine(
            $"{description.Device}: {description.Name}, {description.MemoryBytes / 1048576} MiB, class {description.DeviceClass}");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"host: {load.Cores} cores, {load.Cpu}, load average {load.Load:0.0} at the start"));
        if (description.Device == "ilgpu:cpu")
            Console.WriteLine("This is ILGPU's simulated device: it shows that the kernels run, not how fast a GPU is.");
        Console.WriteLine($"{model}: {IlgpuRankDevice.MemoryBytes(spec) / 1048576.0:F1} MiB for state, activations and three gradients");
        List<double> rates = [];
        try
        {
            using var device = (IlgpuRankDevice)backend.Create(spec, new RandomTokens(spec.Model.Vocab), description);
            device.Initialize();
            using DeviceGradient sum = device.CreateGradient(), addend = device.CreateGradient();
            for (long step = 1; step <= steps + 2; step++)
            {
                // The first step compiles the kernels, the last one is profiled.
                if (step == steps + 2) device.Kernels.Profile = new KernelProfile();
                var watch = Stopwatch.StartNew();
                var (targets, loss) = Train(device, step, sum, addend);
                if (step > 1 && step < steps + 2) rates.Add(targets / watch.Elapsed.TotalSeconds);
                if (step == steps + 1) Report(device, rates, loss / targets);
                if (step == steps + 2) Report(device.Kernels.Profile!, watch.Elapsed);
            }
        }
        catch (Exception failed) when (failed is DeviceLostException or InsufficientMemoryException or InvalidJobException)
        {
            throw new CommandException(ExitCodes.RunFailed, failed.Message, null);
        }

        return python is null || IsHalfOf(Peer(python, spec), rates[rates.Count / 2]);
    }

    // As a rank that holds all four shards: what a collective would add is not here.
    private static (long Targets, double Loss) Train(IlgpuRankDevice device, long step, DeviceGradient sum, DeviceGradient addend)
    {
        long targets = 0;
        double loss = 0;
        for (var shard = 0; shard < 4; shard++)
        {
            var result = device.ComputeShard(step, shard, shard == 0 ? sum : addend, CancellationToken.None);
            if (shard > 0) device.Add(sum, addend);
            targets += result.Targets;
            loss += result.LossSum;
        }

        // On one rank, the sum goes through host memory as a reduced gradient does.
        sum.AwaitDownload(sum.Length);
        ReadOnlySpan<float> numbers = sum.HostFrom(0);
        var squares = BlockMath.SumOfSquares(numbers);
        sum.BeginUpload(0, sum.Length);
        device.ApplyStep(step, sum, squares, targets);
        return (targets, loss);
    }

    private static void Report(IlgpuRankDevice device, List<double> rates, double loss)
    {
        rates.Sort();
        Console.WriteLine(
            $"{device.ParameterCount} parameters, {rates.Count} steps: median {rates[rates.Count / 2]:F0} targets/s (least {rates[0]:F0}, "
                + $"most {rates[^1]:F0}), loss {loss:F3}");
    }

    private static void Report(KernelProfile profile, TimeSpan step)
    {
        Console.WriteLine($"where a step of {step.TotalMilliseconds:F1} ms goes, every kernel waited for:");
        foreach (var (kernel, time, launches) in profile.Entries)
            Console.WriteLine($"  {kernel,-40}{time.TotalMilliseconds,10:F2} ms {time / step,8:P1} {launches,7} calls");
    }

    private static bool IsHalfOf(double peer, double ours)
    {
        Console.WriteLine($"ours is {ours / peer:F2} of the peer's speed; 0.50 is wanted: {(ours >= 0.5 * peer ? "holds" : "FAILS")}");
        return ours >= 0.5 * peer;
    }

    /// <summary>The peer's median of tokens a second.</summary>
    /// <exception cref="CommandException">It does not run, or says no such thing.</exception>
    private static double Peer(string python, JobSpec spec)
    {
        ProcessStartInfo start = new(python) { RedirectStandardOutput = true };
        var script = Path.Combine(AppContext.BaseDirectory, "peers", "gpt2_eager.py");
        foreach (var argument in new[] { script, "--micro-batch", $"{spec.Training.MicroBatch}", "--batch", $"{spec.Training.BatchSize}" })
            start.ArgumentList.Add(argument);
        try
        {
            using var process = Process.Start(start)!;
            var said = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Console.Write(said);
            var median = Regex.Match(said, @"median (\d+) tokens/s");
            return process.ExitCode == 0 && median.Success
                ? double.Parse(median.Groups[1].Value, CultureInfo.InvariantCulture)
                : throw new CommandException(
                    ExitCodes.RunFailed, $"{python} {script} ended with exit code {process.ExitCode} and no median", null);
        }
        catch (Win32Exception absent)
        {
            throw new CommandException(
                ExitCodes.Usage, $"--peer {python} cannot be started: {absent.Message}", "Name a Python that has PyTorch with CUDA.");
        }
    }

    private static JobSpec Spec(string model, int? samples)
    {
        var (shape, microBatch) = model switch
        {
            "tiny" => (new ModelSpec { Layers = 2, Heads = 2, Channels = 32, Block = 32, Vocab = 64 }, 2),
            "S" => (new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 128, Vocab = 256 }, 4),
            "gpt2" => (new ModelSpec { Layers = 12, Heads = 12, Channels = 768, Block = 1024, Vocab = 50257 }, 8),
            "linear" => (new ModelSpec { Program = "linear", Channels = 1024 }, 256),
            _ => throw new FormatException($"there is no model {model}; choose tiny, S, gpt2 or linear"),
        };
        microBatch = samples ?? microBatch;
        return new JobSpec
        {
            Model = shape,
            Training = new TrainingSpec { BatchSize = 4 * microBatch, Shards = 4, MicroBatch = microBatch, Steps = 1_000_002 },
        };
    }

    private sealed class RandomTokens(int vocab) : ISampleSource
    {
        public void ReadSample(long position, Span<int> tokens)
        {
            RandomStream random = new(7, RandomUse.SyntheticData, 1);
            for (var i = 0; i < tokens.Length; i++) tokens[i] = (int)(random.Words((ulong)position, (uint)i).W0 % (uint)vocab);
        }
    }
}
