using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>
/// Linear regression on synthetic data: C weights and a bias, to be found again from noisy samples. So small that thousands of
/// ranks fit in one process. Sample p: x is C normal numbers, y = truth . x + 0.5 + 0.1 noise, all keyed by (seed, p);
/// loss (w . x + b - y)^2, one target a sample.
/// </summary>
public sealed class LinearProgram : ITrainingProgram
{
    private readonly JobSpec _spec;

    internal LinearProgram(JobSpec spec)
    {
        _spec = spec;
        ParameterLayout.Builder builder = new();
        builder.Zeros("weight", 1, spec.Model.Channels);
        builder.Zeros("bias", 1);
        Layout = builder.Build();
    }

    public ParameterLayout Layout { get; }

    public bool NeedsSamples => false;

    public IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options) =>
        new CpuDevice(_spec, Layout, KernelFactory.Create(options.Width), new Engine(_spec));

    private sealed unsafe class Engine : IGradientEngine
    {
        private readonly ulong _seed;
        private readonly float[] _truth;
        private readonly float[] _x;

        public Engine(JobSpec spec)
        {
            _seed = spec.Training.Seed;
            _truth = new float[spec.Model.Channels];
            new RandomStream(_seed, RandomUse.SyntheticTruth, 0).FillNormal(_truth, 1);

            // One element more, so that inputs and noise come in whole pairs.
            _x = new float[spec.Model.Channels + 2];
        }

        // Sums over inputs in rising order with fused multiply-add; samples in rising order.
        public ShardResult Compute(float* parameters, float* gradient, bool accumulate, long firstPosition, int count, CancellationToken cancel)
        {
            int inputs = _truth.Length;
            if (!accumulate) new Span<float>(gradient, inputs + 1).Clear();
            double loss = 0;
            for (int s = 0; s < count; s++)
            {
                Draw(firstPosition + s);
                float noise = _x[inputs], y = MathF.FusedMultiplyAdd(noise, 0.1f, 0.5f), guess = parameters[inputs];
                for (int i = 0; i < inputs; i++)
                {
                    y = MathF.FusedMultiplyAdd(_truth[i], _x[i], y);
                    guess = MathF.FusedMultiplyAdd(parameters[i], _x[i], guess);
                }

                float error = guess - y;
                loss += (double)error * error;
                for (int i = 0; i < inputs; i++) gradient[i] = MathF.FusedMultiplyAdd(2 * error, _x[i], gradient[i]);
                gradient[inputs] += 2 * error;
            }

            return new ShardResult(loss, count);
        }

        public void Dispose()
        {
        }

        // Pairs of one sample are rows of the stream, the position is the index: the sample is a function of (seed, position).
        private void Draw(long position)
        {
            RandomStream stream = new(_seed, RandomUse.SyntheticData, 0);
            for (int i = 0; i <= _truth.Length; i += 2)
            {
                (double first, double second) = stream.NormalPair((ulong)position, (uint)i / 2);
                (_x[i], _x[i + 1]) = ((float)first, (float)second);
            }
        }
    }
}
