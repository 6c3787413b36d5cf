using System.Collections.Concurrent;
using Coordinator.Worker.Ilgpu.Kernels;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace Coordinator.Tests.Ilgpu.Support;

/// <summary>
/// The accelerator that the tests run on, with kernels on it, and arrays to and from its memory. ILGPU's simulated device for groups of up
/// to so many threads, unless COORDINATOR_TEST_DEVICE says <c>ilgpu:cuda:0</c>: then everything here runs on that GPU.
/// </summary>
internal sealed class TestDevice : IDisposable
{
    private static readonly ConcurrentDictionary<int, Lazy<Context>> Contexts = [];

    private readonly Accelerator accelerator;
    private readonly AcceleratorStream stream;
    private readonly List<MemoryBuffer> buffers = [];

    public TestDevice(KernelTuning? tuning = null, int threads = 2)
    {
        var context = ContextFor(threads);
        accelerator = context.Devices[0].CreateAccelerator(context);
        stream = accelerator.CreateStream();
        Kernels = new DeviceKernels(accelerator, stream, tuning ?? KernelTuning.For(accelerator.AcceleratorType));
    }

    /// <summary>As <c>--device</c> names it.</summary>
    public static string Name { get; } = Environment.GetEnvironmentVariable("COORDINATOR_TEST_DEVICE") is { Length: > 0 } chosen
        ? chosen
        : "ilgpu:cpu";

    /// <summary>Ways to cut work that must not change a bit; each with the threads that a group may have.</summary>
    public static IReadOnlyList<(KernelTuning Tuning, int Threads)> Cuts { get; } =
    [
        (new KernelTuning(1, 2, 1, 1, MatMulChoice.Small), 2),
        (new KernelTuning(3, 1, 5, 7, MatMulChoice.Tiny), 16),
        (new KernelTuning(8, 1 << 20, 16, 16, MatMulChoice.Tiny), 16),
    ];

    /// <summary>
    /// ILGPU's context for groups of up to so many threads (a GPU takes all), one for all tests: it keeps what it has read of the kernels.
    /// </summary>
    public static Context ContextFor(int threads) =>
        Contexts.GetOrAdd(
            Name == "ilgpu:cpu" ? threads : 0,
            count => new(() => Context.Create(builder => Choose(DeviceContext.Configure(builder), count)))).Value;

    public DeviceKernels Kernels { get; }

    public AcceleratorStream Stream => stream;

    public Accelerator Accelerator => accelerator;

    public ArrayView<T> Put<T>(T[] values)
        where T : unmanaged
    {
        var buffer = accelerator.Allocate1D(values);
        buffers.Add(buffer);
        return buffer.View.AsContiguous();
    }

    /// <summary>Room that a kernel must overwrite: filled with not-a-number.</summary>
    public ArrayView<float> Room(int length)
    {
        var values = new float[length];
        Array.Fill(values, float.NaN);
        return Put(values);
    }

    public T[] Get<T>(ArrayView<T> view)
        where T : unmanaged
    {
        stream.Synchronize();
        var values = new T[view.Length];
        view.CopyToCPU(stream, values);
        return values;
    }

    private static void Choose(Context.Builder builder, int threads)
    {
        if (Name == "ilgpu:cpu") builder.CPU(DeviceContext.Simulated(threads));
        else if (Name == "ilgpu:cuda:0") builder.Cuda();
        else throw new InvalidOperationException($"COORDINATOR_TEST_DEVICE is {Name}; it may be ilgpu:cpu or ilgpu:cuda:0.");
    }

    public void Dispose()
    {
        foreach (var buffer in buffers) buffer.Dispose();
        stream.Dispose();
        accelerator.Dispose();
    }
}
