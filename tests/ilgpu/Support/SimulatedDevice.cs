using System.Collections.Concurrent;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Numerics;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace Coordinator.Tests.Ilgpu.Support;

/// <summary>ILGPU's CPU accelerator with kernels on it, for groups of up to so many threads, and arrays to and from its memory.</summary>
internal sealed class SimulatedDevice : IDisposable
{
    private static readonly ConcurrentDictionary<int, Lazy<Context>> s_contexts = [];

    private readonly Accelerator _accelerator;
    private readonly AcceleratorStream _stream;
    private readonly List<MemoryBuffer> _buffers = [];

    public SimulatedDevice(KernelTuning? tuning = null, int threads = 2)
    {
        Context context = ContextFor(threads);
        _accelerator = context.Devices[0].CreateAccelerator(context);
        _stream = _accelerator.CreateStream();
        Kernels = new DeviceKernels(_accelerator, _stream, tuning ?? KernelTuning.For(AcceleratorType.CPU));
    }

    /// <summary>Ways to cut work that must not change a bit; each with the threads that a group may have.</summary>
    public static IReadOnlyList<(KernelTuning Tuning, int Threads)> Cuts { get; } =
    [
        (new KernelTuning(1, 2, 1, 1, MatMulChoice.Small), 2),
        (new KernelTuning(3, 1, 5, 7, MatMulChoice.Tiny), 16),
        (new KernelTuning(8, 1 << 20, 16, 16, MatMulChoice.Tiny), 16),
    ];

    /// <summary>ILGPU's context for groups of up to so many threads, one for all tests: it keeps what it has read of the kernels.</summary>
    public static Context ContextFor(int threads) =>
        s_contexts.GetOrAdd(threads, count => new(() => Context.Create(builder => DeviceContext.Configure(builder).CPU(DeviceContext.Simulated(count))))).Value;

    public DeviceKernels Kernels { get; }

    public AcceleratorStream Stream => _stream;

    public Accelerator Accelerator => _accelerator;

    public ArrayView<T> Put<T>(T[] values)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = _accelerator.Allocate1D(values);
        _buffers.Add(buffer);
        return buffer.View.AsContiguous();
    }

    /// <summary>Room that a kernel must overwrite: filled with not-a-number.</summary>
    public ArrayView<float> Room(int length)
    {
        float[] values = new float[length];
        Array.Fill(values, float.NaN);
        return Put(values);
    }

    public T[] Get<T>(ArrayView<T> view)
        where T : unmanaged
    {
        _stream.Synchronize();
        T[] values = new T[view.Length];
        view.CopyToCPU(_stream, values);
        return values;
    }

    public static float[] Random(int count, uint part, double deviation = 1)
    {
        float[] values = new float[count];
        new RandomStream(11, RandomUse.SyntheticData, part).FillNormal(values, deviation);
        return values;
    }

    public void Dispose()
    {
        foreach (MemoryBuffer buffer in _buffers) buffer.Dispose();
        _stream.Dispose();
        _accelerator.Dispose();
    }
}
