using Coordinator.Machines.Jobs;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Programs;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>Linear regression on the device: samples are made here, as for the CPU, and brought over a shard at a time.</summary>
internal sealed class LinearDeviceProgram : IDeviceProgram
{
    private readonly int _inputs;
    private readonly AcceleratorStream _stream;
    private readonly DeviceKernels _kernels;
    private readonly LinearSamples _samples;
    private readonly PageLockedArray1D<float> _host;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _device;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _errors;
    private readonly MemoryBuffer1D<double, Stride1D.Dense> _losses;
    private readonly MemoryBuffer1D<double, Stride1D.Dense> _loss;
    private readonly double[] _taken = new double[1];
    private readonly int _maxSamples;
    private bool _any;

    public LinearDeviceProgram(JobSpec spec, Accelerator accelerator, AcceleratorStream stream, DeviceKernels kernels)
    {
        (_inputs, _stream, _kernels) = (spec.Model.Channels, stream, kernels);
        _samples = new LinearSamples(spec);
        _maxSamples = (spec.Training.BatchSize + spec.Training.Shards - 1) / spec.Training.Shards;

        // Inputs [samples, inputs], then y [samples].
        _host = accelerator.AllocatePageLocked1D<float>(checked(_maxSamples * (_inputs + 1)), uninitialized: false);
        _device = accelerator.Allocate1D<float>(_host.Length);
        _errors = accelerator.Allocate1D<float>(_maxSamples);
        _losses = accelerator.Allocate1D<double>(_maxSamples);
        _loss = accelerator.Allocate1D<double>(1);
    }

    public void Begin(long firstPosition, int count)
    {
        _any = false;
        Span<float> x = _host.Span[..(_maxSamples * _inputs)], y = _host.Span[(_maxSamples * _inputs)..];
        for (int s = 0; s < count; s++) y[s] = _samples.Draw(firstPosition + s, x.Slice(s * _inputs, _inputs));
        _device.View.AsContiguous().CopyFrom(_stream, _host.ArrayView);
    }

    public long AddGradient(ArrayView<float> parameters, ArrayView<float> gradient, bool accumulate, int first, int count, CancellationToken cancel)
    {
        ArrayView<float> all = _device.View.AsContiguous();
        ArrayView<float> x = all.SubView((long)first * _inputs, (long)count * _inputs), y = all.SubView(((long)_maxSamples * _inputs) + first, count);
        ArrayView<float> errors = _errors.View.AsContiguous().SubView(0, count);
        ArrayView<double> losses = _losses.View.AsContiguous().SubView(0, count);
        _kernels.LinearErrors(parameters, x, y, errors, losses, count, _inputs);
        _kernels.SumLosses(losses, _loss.View.AsContiguous(), _any);
        _kernels.LinearGradient(x, errors, gradient, count, _inputs, accumulate);
        _any = true;
        return count;
    }

    public double TakeLoss()
    {
        if (!_any) return 0;
        _loss.View.CopyToCPU(_stream, _taken);
        _stream.Synchronize();
        return _taken[0];
    }

    public void Dispose()
    {
        _loss.Dispose();
        _losses.Dispose();
        _errors.Dispose();
        _device.Dispose();
        _host.Dispose();
    }
}
