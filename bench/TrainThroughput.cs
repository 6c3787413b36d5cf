using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;
using Coordinator.Worker.Programs;

namespace Coordinator.Bench;

/// <summary>
/// Training on one rank without a collective: gradients of all shards, their sum, and the optimizer, on random bytes.
/// </summary>
internal static unsafe class TrainThroughput
{
    private static readonly (string Name, ModelSpec Model, int Batch)[] Models =
    [
        ("S", new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 128 }, 16),
        ("M", new ModelSpec { Layers = 6, Heads = 6, Channels = 384, Block = 256 }, 4),
    ];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand("train-throughput", "tokens a second of the CPU device, and GFLOP/s of the matrix product");
        var width = command.AddChoice(
            "--width", "Vector width.", [nameof(VectorWidth.Auto), .. Enum.GetNames<VectorWidth>().Except([nameof(VectorWidth.Auto)])]);
        var threads = command.AddNumber("--threads", "Threads of the device.", 1, 1, 1024);
        var seconds = command.AddNumber("--seconds", "Seconds for each model.", 5, 1, 86_400);
        var model = command.AddText("--model", "S or M alone (default: both, and the matrix product).");
        model.AcceptOnlyFromAmong("S", "M");
        var kernels = command.AddFlag("--kernels", "The time of each kernel at model S instead.");
        return command.Runs(parsed => _ => Task.FromResult(
            Measure(
                Enum.Parse<VectorWidth>(parsed.GetValue(width)!),
                parsed.GetValue(threads),
                parsed.GetValue(seconds),
                parsed.GetValue(model),
                parsed.GetValue(kernels))));
    }

    private static bool Measure(VectorWidth width, int threads, double seconds, string? only, bool onlyKernels)
    {
        if (VectorWidths.WhyUnsupported(width) is { } reason)
        {
            Console.Error.WriteLine($"{width} cannot run here: {reason}");
            return false;
        }

        Console.WriteLine($"{RuntimeInformation.OSArchitecture}, {Environment.ProcessorCount} processors, .NET {Environment.Version}, "
            + $"{VectorWidths.Resolve(width)}, {threads} thread(s)");
        if (onlyKernels)
        {
            KernelTimes.Print(width);
            return true;
        }

        foreach (var (name, model, batch) in Models.Where(row => only is null || row.Name == only))
            Train(name, model, batch, new CpuDeviceOptions { Width = width, Threads = threads }, seconds);
        if (only is null)
            Products(width, threads);
        return true;
    }

    private static void Train(string name, ModelSpec model, int batch, CpuDeviceOptions options, double seconds)
    {
        JobSpec spec = new() { Model = model, Training = new TrainingSpec { BatchSize = batch, Shards = 4, MicroBatch = 4, Steps = 1000 } };
        var program = TrainingPrograms.Create(spec);
        using var device = program.CreateCpuDevice(new RandomBytes(), options);
        device.Initialize();
        HostGradient[] gradients = [(HostGradient)device.CreateGradient(), (HostGradient)device.CreateGradient()];

        List<double> rates = [];
        double loss = 0;
        var whole = Stopwatch.StartNew();
        for (long step = 1; step <= 3 || whole.Elapsed.TotalSeconds < seconds; step++)
        {
            var watch = Stopwatch.StartNew();
            long targets = 0;
            loss = 0;
            for (var shard = 0; shard < 4; shard++)
            {
                var result = device.ComputeShard(step, shard, gradients[shard == 0 ? 0 : 1], CancellationToken.None);
                if (shard > 0) device.Add(gradients[0], gradients[1]);
                loss += result.LossSum;
                targets += result.Targets;
            }

            device.ApplyStep(step, gradients[0], BlockMath.SumOfSquares(gradients[0].Floats), targets);
            rates.Add(targets / watch.Elapsed.TotalSeconds);
            loss /= targets;
        }

        rates.RemoveAt(0);
        rates.Sort();
        Console.WriteLine($"{name}: {device.ParameterCount} parameters, {rates.Count} steps, median {rates[rates.Count / 2]:F0} tokens/s, "
            + $"best {rates[^1]:F0}, loss {loss:F3}");
    }

    private static void Products(VectorWidth width, int threads)
    {
        using var kernels = KernelFactory.Create(width, threads);
        foreach (var (ta, tb, m, n, k) in new[]
        {
            (false, false, 512, 384, 128), (false, false, 512, 128, 512), (false, true, 512, 512, 128), (true, false, 128, 512, 512),
            (false, false, 1024, 1536, 384), (false, true, 1024, 384, 1536), (true, false, 384, 1536, 1024),
        })
        {
            using AlignedBuffer a = new((long)m * k), b = new((long)k * n), c = new((long)m * n);
            RandomStream random = new(1, RandomUse.SyntheticData, 0);
            random.FillNormal(a.Span(0, m * k), 1);
            random.FillNormal(b.Span(0, n * k), 1);
            double best = 0;
            var whole = Stopwatch.StartNew();
            while (whole.Elapsed.TotalSeconds < 0.4)
            {
                var watch = Stopwatch.StartNew();
                kernels.MatMul(ta, tb, m, n, k, a.Pointer, ta ? m : k, b.Pointer, tb ? k : n, c.Pointer, n, false);
                best = Math.Max(best, 2.0 * m * n * k / watch.Elapsed.TotalSeconds / 1e9);
            }

            Console.WriteLine($"matmul {(ta ? "T" : "N")}{(tb ? "T" : "N")} m={m} n={n} k={k}: {best:F1} GFLOP/s");
        }
    }

    private sealed class RandomBytes : ISampleSource
    {
        public void ReadSample(long position, Span<int> tokens)
        {
            RandomStream random = new(7, RandomUse.SyntheticData, 1);
            for (var i = 0; i < tokens.Length; i++) tokens[i] = (int)(random.Words((ulong)position, (uint)i).W0 & 63);
        }
    }
}
