using Coordinator.Machines.Jobs;
using Coordinator.Programs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>
/// A rank's computing on the CPU: state as parameters, first and second moments in one buffer [3n], gradients by the
/// program, AdamW by the kernels.
/// </summary>
internal sealed unsafe class CpuDevice : IRankDevice
{
    private readonly TrainingSpec training;
    private readonly OptimizerSpec optimizer;
    private readonly ParameterLayout layout;
    private readonly IKernels kernels;
    private readonly SpanKernels lent;
    private readonly TrainingProgram program;
    private readonly SampleReader reader;
    private readonly AlignedBuffer state;
    private readonly int parameters;

    /// <summary>A device that owns its kernels and its program.</summary>
    public CpuDevice(JobSpec spec, ParameterLayout layout, IKernels kernels, TrainingProgram program, SampleReader reader)
    {
        (training, optimizer, this.layout, this.kernels, this.program, this.reader) = (spec.Training, spec.Optimizer, layout, kernels,
            program, reader);
        lent = new SpanKernels(kernels);
        parameters = layout.ParameterCount;
        state = new AlignedBuffer(3L * parameters);
    }

    public long ParameterCount => parameters;

    public void Initialize()
    {
        ParameterInitializer.Fill(layout, training.Seed, state.Span(0, parameters));
        state.Span(parameters, parameters).Clear();
        state.Span(2L * parameters, parameters).Clear();
    }

    public DeviceGradient CreateGradient() => new HostGradient(ParameterCount);

    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        var numbers = NumbersOf(gradient);
        var samples = ShardSamples.Of(training, step, shard);
        if (samples.Count == 0) numbers.Clear();
        double loss = 0;
        long targets = 0;
        for (var done = 0; done < samples.Count; done += training.MicroBatch)
        {
            cancel.ThrowIfCancellationRequested();
            var count = Math.Min(training.MicroBatch, samples.Count - done);
            reader.Read(samples.FirstPosition + done, count);
            var part = program.Compute(new Pass
            {
                Parameters = state.Span(0, parameters),
                Gradient = numbers,
                Accumulate = done > 0,
                Count = count,
                FirstPosition = samples.FirstPosition + done,
                Rows = reader.Rows,
                Tokens = reader.Tokens,
                Kernels = lent,
                Cancel = cancel,
            });
            loss += part.LossSum;
            targets += part.Targets;
        }

        return new ShardResult(loss, targets);
    }

    public void Add(DeviceGradient sum, DeviceGradient addend) => BlockMath.Add(NumbersOf(sum), NumbersOf(addend));

    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets)
    {
        var numbers = NumbersOf(reduced);
        var scalars = OptimizerStep.Of(training, optimizer, step, sumOfSquares, targets);
        float* p = state.Pointer, m = p + ParameterCount, v = m + ParameterCount;
        fixed (float* g = numbers)
        {
            foreach (var tensor in layout.Tensors)
            {
                var at = tensor.Offset;
                kernels.AdamW(p + at, m + at, v + at, g + at, tensor.Length, scalars.For(tensor));
            }
        }

        return scalars.Norm;
    }

    public void ReadState(long offset, Span<float> destination) => state.Span(offset, destination.Length).CopyTo(destination);

    public void WriteState(long offset, ReadOnlySpan<float> source) => source.CopyTo(state.Span(offset, source.Length));

    public void Dispose()
    {
        program.Dispose();
        kernels.Dispose();
        state.Dispose();
    }

    private Span<float> NumbersOf(DeviceGradient gradient)
    {
        if (gradient is not HostGradient host)
        {
            throw new ArgumentException(
                $"A CPU device was handed a {gradient.GetType().Name}; it computes with the gradients that it makes.", nameof(gradient));
        }

        return host.Length == ParameterCount
            ? host.Floats
            : throw new ArgumentException(
                $"The gradient has {host.Length} elements; the program has {ParameterCount} parameters.", nameof(gradient));
    }
}
