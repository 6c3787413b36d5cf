using Coordinator.Worker.Ilgpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>The losses of a shard, summed on the device in their order, from one pass to the next, and brought back once.</summary>
internal sealed class LossSum : IDisposable
{
    private readonly AcceleratorStream stream;
    private readonly DeviceKernels kernels;
    private readonly MemoryBuffer1D<double, Stride1D.Dense> losses;
    private readonly MemoryBuffer1D<double, Stride1D.Dense> sum;
    private readonly double[] taken = new double[1];
    private bool any;

    /// <param name="accelerator">Where the losses lie.</param>
    /// <param name="stream">In whose order they are written and summed.</param>
    /// <param name="kernels">Of that stream.</param>
    /// <param name="most">Most losses of a pass.</param>
    public LossSum(Accelerator accelerator, AcceleratorStream stream, DeviceKernels kernels, long most)
    {
        (this.stream, this.kernels) = (stream, kernels);
        losses = accelerator.Allocate1D<double>(most);
        sum = accelerator.Allocate1D<double>(1);
    }

    /// <summary>A shard begins.</summary>
    public void Begin() => any = false;

    /// <summary>Where a pass writes its losses.</summary>
    public ArrayView<double> Losses(int count) => losses.View.AsContiguous().SubView(0, count);

    /// <summary>Adds what a pass has written there.</summary>
    public void Add(int count)
    {
        kernels.SumLosses(Losses(count), sum.View.AsContiguous(), any);
        any = true;
    }

    /// <summary>The sum so far; waits for the device. 0 before the first pass.</summary>
    public double Take()
    {
        if (!any)
            return 0;
        sum.View.CopyToCPU(stream, taken);
        stream.Synchronize();
        return taken[0];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        sum.Dispose();
        losses.Dispose();
    }
}
