using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Linear regression: parameters are [inputs] weights and a bias.</summary>
internal static class LinearKernels
{
    /// <summary>errors[s] = guess - y[s], the guess summed from the bias over inputs in rising order; losses[s] its square.</summary>
    public static void Errors(
        ArrayView<float> parameters, ArrayView<float> x, ArrayView<float> y, ArrayView<float> errors, ArrayView<double> losses, int samples, int inputs)
    {
        for (var s = Grid.GlobalIndex.X; s < samples; s += Grid.DimX * Group.DimX)
        {
            var guess = parameters[inputs];
            for (var i = 0; i < inputs; i++) guess = DeviceMath.Fma(parameters[i], x[(s * inputs) + i], guess);
            var error = guess - y[s];
            errors[s] = error;
            losses[s] = DeviceMath.Multiply64(error, error);
        }
    }

    /// <summary>gradient[i] = (or +=) sum of 2 error x[s, i], gradient[inputs] of 2 error; samples in rising order.</summary>
    public static void Gradient(
        ArrayView<float> x, ArrayView<float> errors, ArrayView<float> gradient, int samples, int inputs, int accumulate)
    {
        for (var i = Grid.GlobalIndex.X; i <= inputs; i += Grid.DimX * Group.DimX)
        {
            var sum = accumulate != 0 ? gradient[i] : 0f;
            for (var s = 0; s < samples; s++)
            {
                var twice = errors[s] + errors[s];
                sum = i < inputs ? DeviceMath.Fma(twice, x[(s * inputs) + i], sum) : sum + twice;
            }

            gradient[i] = sum;
        }
    }
}
