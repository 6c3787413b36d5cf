using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Operations on elements, each independent of the others.</summary>
internal static class ElementKernels
{
    // gelu(x) = x sigmoid(2u), since (1 + tanh u) / 2 = sigmoid(2u); 2u = x (A + B x^2), A = 2 sqrt(2/pi), B = 0.044715 A.
    private const float A = 1.5957691216057308f;
    private const float B = 0.07135481627159f;

    /// <summary>sum[i] += x[i].</summary>
    public static void Add(ArrayView<float> sum, ArrayView<float> x, int count)
    {
        for (var i = Grid.GlobalIndex.X; i < count; i += Grid.DimX * Group.DimX) sum[i] += x[i];
    }

    /// <summary>y = x + z.</summary>
    public static void AddTo(ArrayView<float> x, ArrayView<float> z, ArrayView<float> y, int count)
    {
        for (var i = Grid.GlobalIndex.X; i < count; i += Grid.DimX * Group.DimX) y[i] = x[i] + z[i];
    }

    /// <summary>y = gelu(x) in its tanh form (Hendrycks and Gimpel 2016).</summary>
    public static void Gelu(ArrayView<float> x, ArrayView<float> y, int count)
    {
        for (var i = Grid.GlobalIndex.X; i < count; i += Grid.DimX * Group.DimX)
        {
            var v = x[i];
            var twice = DeviceMath.Multiply(v, DeviceMath.Fma(DeviceMath.Multiply(v, v), B, A));
            y[i] = DeviceMath.Multiply(v, DeviceMath.Sigmoid(twice));
        }
    }

    /// <summary>dy *= gelu'(x), in place. With s = sigmoid(2u): gelu'(x) = s + x s (1 - s) (A + 3 B x^2).</summary>
    public static void GeluBackward(ArrayView<float> x, ArrayView<float> dy, int count)
    {
        for (var i = Grid.GlobalIndex.X; i < count; i += Grid.DimX * Group.DimX)
        {
            var v = x[i];
            var square = DeviceMath.Multiply(v, v);
            var s = DeviceMath.Sigmoid(DeviceMath.Multiply(v, DeviceMath.Fma(square, B, A)));
            var inner = DeviceMath.Multiply(DeviceMath.Multiply(v, DeviceMath.Fma(square, 3 * B, A)), 1f - s);
            dy[i] = DeviceMath.Multiply(dy[i], DeviceMath.Fma(s, inner, s));
        }
    }

    /// <summary>
    /// y = x with dropout, [sequences, length]; y may be x. The mask is <see cref="Coordinator.Worker.Kernels.DropoutPlan"/>'s.
    /// </summary>
    public static void Dropout(ArrayView<float> x, ArrayView<float> y, int sequences, int length, DropoutMask mask)
    {
        for (var i = Grid.GlobalIndex.X; i < sequences * length; i += Grid.DimX * Group.DimX)
            y[i] = DropoutMask.Apply(mask, i / length, i % length, x[i]);
    }

    /// <summary>One AdamW step in place on p, m, v; g is only read. The scalars and their order are the CPU device's.</summary>
    public static void AdamW(ArrayView<float> p, ArrayView<float> m, ArrayView<float> v, ArrayView<float> g, int count, AdamWScalars step)
    {
        for (var i = Grid.GlobalIndex.X; i < count; i += Grid.DimX * Group.DimX)
        {
            var gradient = DeviceMath.Multiply(g[i], step.Scale);
            var first = DeviceMath.Fma(step.OneMinusBeta1, gradient - m[i], m[i]);
            var second = DeviceMath.Fma(
                DeviceMath.Multiply(gradient, gradient), step.OneMinusBeta2, DeviceMath.Multiply(v[i], step.Beta2));
            var root = DeviceMath.Fma(DeviceMath.Sqrt(second), step.RootCorrection, step.Epsilon);
            p[i] = DeviceMath.Fma(-step.StepSize, first / root, DeviceMath.Multiply(p[i], step.Decay));
            m[i] = first;
            v[i] = second;
        }
    }
}
