using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>
/// Linear regression on synthetic data: C weights and a bias, to be found again from noisy samples. So small that thousands of
/// ranks fit in one process. Sample p: x is C normal numbers, y = truth . x + 0.5 + 0.1 noise, all keyed by (seed, p);
/// loss (w . x + b - y)^2, one target a sample.
/// </summary>
public sealed class LinearProgram : ITrainingProgram
{
    private readonly JobSpec spec;

    internal LinearProgram(JobSpec spec)
    {
        this.spec = spec;
        ParameterLayout.Builder builder = new();
        builder.Zeros("weight", 1, spec.Model.Channels);
        builder.Zeros("bias", 1);
        Layout = builder.Build();
    }

    public ParameterLayout Layout { get; }

    public bool NeedsSamples => false;

    public IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options) =>
        new CpuDevice(spec, Layout, KernelFactory.Create(options.Width), new Engine(spec));

    private sealed unsafe class Engine(JobSpec spec) : IGradientEngine
    {
        private readonly LinearSamples samples = new(spec);
        private readonly float[] x = new float[spec.Model.Channels];

        // Sums over inputs in rising order with fused multiply-add; samples in rising order.
        public ShardResult Compute(
            float* parameters, float* gradient, bool accumulate, long firstPosition, int count, CancellationToken cancel)
        {
            var inputs = x.Length;
            if (!accumulate) new Span<float>(gradient, inputs + 1).Clear();
            double loss = 0;
            for (var s = 0; s < count; s++)
            {
                float y = samples.Draw(firstPosition + s, x), guess = parameters[inputs];
                for (var i = 0; i < inputs; i++) guess = MathF.FusedMultiplyAdd(parameters[i], x[i], guess);
                var error = guess - y;
                loss += (double)error * error;
                for (var i = 0; i < inputs; i++) gradient[i] = MathF.FusedMultiplyAdd(2 * error, x[i], gradient[i]);
                gradient[inputs] += 2 * error;
            }

            return new ShardResult(loss, count);
        }

        public void Dispose()
        {
        }
    }
}
