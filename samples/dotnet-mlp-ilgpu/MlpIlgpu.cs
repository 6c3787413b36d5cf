using Coordinator.Programs;
using Coordinator.Programs.Ilgpu;
using ILGPU;
using ILGPU.Runtime;

public readonly record struct Shape(int Count, int Inputs, int Hidden, int Accumulate);

/// <summary>The network of dotnet-mlp by one kernel of its own: one group, whose threads share the hidden units among them.</summary>
public sealed class MlpIlgpu : TrainingProgram, IIlgpuProgram
{
    private readonly int inputs, hidden;
    private Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<double>,
        ArrayView<float>, Shape>? kernel;
    private MemoryBuffer1D<float, Stride1D.Dense>? activations;
    private (AcceleratorStream Stream, int Threads) on;

    public MlpIlgpu(ProgramJob job)
    {
        inputs = job.NeedColumns(least: 2) - 1;
        hidden = job.Settings.Int("hidden", 16, least: 1, most: 4096);
        Normal("hidden.weight", Math.Sqrt(2.0 / inputs), inputs, hidden);
        Zeros("hidden.bias", hidden);
        Normal("out.weight", Math.Sqrt(1.0 / hidden), hidden, 1);
        Zeros("out.bias", 1);
    }

    public override Samples Samples => Samples.Rows;

    public override PassResult Compute(Pass pass) =>
        throw new NotSupportedException("this program has a kernel alone; choose --device ilgpu:cuda, ilgpu:opencl or ilgpu:cpu");

    public void Open(Accelerator accelerator, AcceleratorStream stream)
    {
        kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<double>, ArrayView<float>,
            Shape>(Gradient);
        activations = accelerator.Allocate1D<float>(hidden);
        on = (stream, Math.Min(hidden, accelerator.MaxNumThreadsPerGroup));
    }

    public long Compute(DevicePass pass)
    {
        var shape = new Shape(pass.Count, inputs, hidden, pass.Accumulate ? 1 : 0);
        kernel!(on.Stream, (1, on.Threads), pass.Parameters, pass.Gradient, pass.Rows, pass.Losses, activations!.View.AsContiguous(),
            shape);
        return pass.Count;
    }

    /// <summary>Every sum has one order, whichever thread takes it: samples rise, and so do hidden units within the guess.</summary>
    public static void Gradient(
        ArrayView<float> p, ArrayView<float> g, ArrayView<float> rows, ArrayView<double> losses, ArrayView<float> h, Shape shape)
    {
        int inputs = shape.Inputs, hidden = shape.Hidden, biases = inputs * hidden, outWeights = biases + hidden,
            outBias = outWeights + hidden;
        for (var i = Group.IdxX; i <= outBias && shape.Accumulate == 0; i += Group.DimX)
            g[i] = 0;
        for (var s = 0; s < shape.Count; s++)
        {
            Group.Barrier();
            var row = s * (inputs + 1);
            for (var j = Group.IdxX; j < hidden; j += Group.DimX)
            {
                var sum = p[biases + j];
                for (var i = 0; i < inputs; i++)
                    sum += rows[row + i] * p[(i * hidden) + j];
                h[j] = sum > 0 ? sum : 0;
            }

            Group.Barrier();
            var guess = p[outBias];
            for (var j = 0; j < hidden; j++)
                guess += h[j] * p[outWeights + j];
            var error = guess - rows[row + inputs];
            for (var j = Group.IdxX; j < hidden; j += Group.DimX)
            {
                g[outWeights + j] += 2 * error * h[j];
                var back = h[j] > 0 ? 2 * error * p[outWeights + j] : 0;
                g[biases + j] += back;
                for (var i = 0; i < inputs; i++)
                    g[(i * hidden) + j] += back * rows[row + i];
            }

            if (Group.IdxX == 0)
            {
                g[outBias] += 2 * error;
                losses[s] = (double)error * error;
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            activations?.Dispose();
    }
}
