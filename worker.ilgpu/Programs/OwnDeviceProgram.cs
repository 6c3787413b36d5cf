using Coordinator.Machines.Jobs;
using Coordinator.Programs;
using Coordinator.Programs.Ilgpu;
using Coordinator.Worker.Assemblies;
using Coordinator.Worker.Data;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Programs;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>A team's own kernels: samples are brought over a micro-batch at a time, losses are summed here in their order.</summary>
internal sealed class OwnDeviceProgram : IDeviceProgram
{
    private readonly AcceleratorStream stream;
    private readonly TrainingProgram program;
    private readonly SampleReader reader;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> rows;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> tokens;
    private readonly LossSum loss;
    private long firstPosition;

    public OwnDeviceProgram(
        JobSpec spec, TrainingProgram program, ISampleSource? samples, Accelerator accelerator, AcceleratorStream stream,
            DeviceKernels kernels)
    {
        (this.program, this.stream) = (program, stream);
        reader = new SampleReader(program.Samples, spec.Data.Columns, samples);
        var most = MostSamples(spec);
        rows = accelerator.Allocate1D<float>(LengthFor(SampleKind.Rows));
        tokens = accelerator.Allocate1D<int>(LengthFor(SampleKind.Windows));
        loss = new LossSum(accelerator, stream, kernels, most);
        try
        {
            ((IIlgpuProgram)program).Open(accelerator, stream);
        }
        catch (Exception thrown) when (thrown is not (AcceleratorException or OutOfMemoryException))
        {
            // A kernel that ILGPU cannot compile, above all: that is the program's fault, and no gpu's.
            throw new ProgramCodeException(
                $"{program.GetType().Name} failed where it opened {accelerator.Name}: {thrown.GetType().Name}: "
                    + $"{thrown.Message.ReplaceLineEndings(" ")}", thrown);
        }

        long LengthFor(SampleKind kind) => program.Samples.Kind == kind ? checked((long)most * reader.Width) : 1;
    }

    /// <summary>Why a program cannot be computed here; null where it can.</summary>
    public static string? WhyNot(ITrainingProgram program)
    {
        using var one = program.Open();
        return one is IIlgpuProgram ? null : $"{one?.GetType().Name ?? "The program"} has no kernels for ILGPU's devices: give it some "
            + $"({nameof(IIlgpuProgram)} in the package Coordinator.Programs.Ilgpu), or choose the cpu device.";
    }

    /// <summary>Elements of four bytes that are allocated here; what the program allocates itself, nobody knows before.</summary>
    public static long Elements(JobSpec spec) => (long)MostSamples(spec) * (spec.Data.Columns + 2);

    public void Begin(long firstPosition, int count)
    {
        loss.Begin();
        this.firstPosition = firstPosition;
    }

    public long AddGradient(
        ArrayView<float> parameters, ArrayView<float> gradient, bool accumulate, int first, int count, CancellationToken cancel)
    {
        reader.Read(firstPosition + first, count);
        var rows = this.rows.View.AsContiguous().SubView(0, reader.Rows.Length);
        var tokens = this.tokens.View.AsContiguous().SubView(0, reader.Tokens.Length);
        if (reader.Rows.Length > 0) rows.CopyFromCPU(stream, reader.Rows);
        if (reader.Tokens.Length > 0) tokens.CopyFromCPU(stream, reader.Tokens);
        var losses = loss.Losses(count);
        losses.MemSetToZero(stream);
        var targets = ((IIlgpuProgram)program).Compute(new DevicePass
        {
            Parameters = parameters,
            Gradient = gradient,
            Losses = losses,
            Accumulate = accumulate,
            Count = count,
            FirstPosition = firstPosition + first,
            Rows = rows,
            Tokens = tokens,
            Cancel = cancel,
        });
        loss.Add(count);
        return targets;
    }

    public double TakeLoss() => loss.Take();

    public void Dispose()
    {
        program.Dispose();
        loss.Dispose();
        tokens.Dispose();
        rows.Dispose();
    }

    private static int MostSamples(JobSpec spec) =>
        Math.Min(spec.Training.MicroBatch, (spec.Training.BatchSize + spec.Training.Shards - 1) / spec.Training.Shards);
}
