using Coordinator.Machines.Jobs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>
/// A rank's computing on the CPU: state as parameters, first and second moments in one buffer [3n], gradients by the program's
/// engine, AdamW by the kernels.
/// </summary>
internal sealed unsafe class CpuDevice : IRankDevice
{
    private readonly TrainingSpec _training;
    private readonly OptimizerSpec _optimizer;
    private readonly ParameterLayout _layout;
    private readonly IKernels _kernels;
    private readonly IGradientEngine _engine;
    private readonly AlignedBuffer _state;

    public CpuDevice(JobSpec spec, ParameterLayout layout, IKernels kernels, IGradientEngine engine)
    {
        (_training, _optimizer, _layout, _kernels, _engine) = (spec.Training, spec.Optimizer, layout, kernels, engine);
        _state = new AlignedBuffer(3L * layout.ParameterCount);
    }

    public int ParameterCount => _layout.ParameterCount;

    public void Initialize()
    {
        ParameterInitializer.Fill(_layout, _training.Seed, _state.Span(0, ParameterCount));
        _state.Span(ParameterCount, ParameterCount).Clear();
        _state.Span(2L * ParameterCount, ParameterCount).Clear();
    }

    public DeviceGradient CreateGradient() => new HostGradient(ParameterCount);

    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        Span<float> numbers = NumbersOf(gradient);
        ShardSamples samples = ShardSamples.Of(_training, step, shard);
        if (samples.Count == 0) numbers.Clear();
        double loss = 0;
        long targets = 0;
        fixed (float* to = numbers)
        {
            for (int done = 0; done < samples.Count; done += _training.MicroBatch)
            {
                cancel.ThrowIfCancellationRequested();
                int count = Math.Min(_training.MicroBatch, samples.Count - done);
                ShardResult part = _engine.Compute(_state.Pointer, to, done > 0, samples.FirstPosition + done, count, cancel);
                loss += part.LossSum;
                targets += part.Targets;
            }
        }

        return new ShardResult(loss, targets);
    }

    public void Add(DeviceGradient sum, DeviceGradient addend) => BlockMath.Add(NumbersOf(sum), NumbersOf(addend));

    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets)
    {
        Span<float> numbers = NumbersOf(reduced);
        OptimizerStep scalars = OptimizerStep.Of(_training, _optimizer, step, sumOfSquares, targets);
        float* p = _state.Pointer, m = p + ParameterCount, v = m + ParameterCount;
        fixed (float* g = numbers)
        {
            foreach (TensorInfo tensor in _layout.Tensors)
            {
                int at = tensor.Offset;
                _kernels.AdamW(p + at, m + at, v + at, g + at, tensor.Length, scalars.For(tensor));
            }
        }

        return scalars.Norm;
    }

    public void ReadState(long offset, Span<float> destination) => _state.Span(offset, destination.Length).CopyTo(destination);

    public void WriteState(long offset, ReadOnlySpan<float> source) => source.CopyTo(_state.Span(offset, source.Length));

    public void Dispose()
    {
        _engine.Dispose();
        _kernels.Dispose();
        _state.Dispose();
    }

    private Span<float> NumbersOf(DeviceGradient gradient)
    {
        if (gradient is not HostGradient host)
        {
            throw new ArgumentException($"A CPU device was handed a {gradient.GetType().Name}; it computes with the gradients that it makes.", nameof(gradient));
        }

        return host.Length == ParameterCount
            ? host.Floats
            : throw new ArgumentException($"The gradient has {host.Length} elements; the program has {ParameterCount} parameters.", nameof(gradient));
    }
}
