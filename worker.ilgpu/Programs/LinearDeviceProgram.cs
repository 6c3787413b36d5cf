using Coordinator.Machines.Jobs;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Programs;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>Linear regression on the device: samples are made here, as for the CPU, and brought over a shard at a time.</summary>
internal sealed class LinearDeviceProgram : IDeviceProgram
{
    private readonly int inputs;
    private readonly AcceleratorStream stream;
    private readonly DeviceKernels kernels;
    private readonly LinearSamples samples;
    private readonly PageLockedArray1D<float> host;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> device;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> errors;
    private readonly LossSum loss;
    private readonly int maxSamples;

    public LinearDeviceProgram(JobSpec spec, Accelerator accelerator, AcceleratorStream stream, DeviceKernels kernels)
    {
        (inputs, this.stream, this.kernels) = (spec.Model.Channels, stream, kernels);
        samples = new LinearSamples(spec);
        maxSamples = (spec.Training.BatchSize + spec.Training.Shards - 1) / spec.Training.Shards;

        // Inputs [samples, inputs], then y [samples].
        host = accelerator.AllocatePageLocked1D<float>(checked(maxSamples * (inputs + 1)), uninitialized: false);
        device = accelerator.Allocate1D<float>(host.Length);
        errors = accelerator.Allocate1D<float>(maxSamples);
        loss = new LossSum(accelerator, stream, kernels, maxSamples);
    }

    public void Begin(long firstPosition, int count)
    {
        loss.Begin();
        Span<float> x = host.Span[..(maxSamples * inputs)], y = host.Span[(maxSamples * inputs)..];
        for (var s = 0; s < count; s++) y[s] = samples.Draw(firstPosition + s, x.Slice(s * inputs, inputs));
        device.View.AsContiguous().CopyFrom(stream, host.ArrayView);
    }

    public long AddGradient(
        ArrayView<float> parameters, ArrayView<float> gradient, bool accumulate, int first, int count, CancellationToken cancel)
    {
        var all = device.View.AsContiguous();
        ArrayView<float> x = all.SubView(
            (long)first * inputs, (long)count * inputs), y = all.SubView(((long)maxSamples * inputs) + first, count);
        var errors = this.errors.View.AsContiguous().SubView(0, count);
        kernels.LinearErrors(parameters, x, y, errors, loss.Losses(count), count, inputs);
        loss.Add(count);
        kernels.LinearGradient(x, errors, gradient, count, inputs, accumulate);
        return count;
    }

    public double TakeLoss() => loss.Take();

    public void Dispose()
    {
        loss.Dispose();
        errors.Dispose();
        device.Dispose();
        host.Dispose();
    }
}
