using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Support;

/// <summary>Gradients against finite differences of the loss.</summary>
public static class GradientCheck
{
    private const double Distance = 4e-3;

    /// <summary>
    /// Along the gradient's own direction the slope is its length; along some of its elements, theirs: every <paramref name="stride"/>-th
    /// of the tensor's, beginning at <paramref name="first"/>.
    /// </summary>
    /// <param name="tensor">The tensor that is looked at.</param>
    /// <param name="start">Parameters, [n].</param>
    /// <param name="gradient">The gradient there, [n].</param>
    /// <param name="first">First element of the tensor.</param>
    /// <param name="stride">From one element to the next.</param>
    /// <param name="lossAt">Summed loss at parameters, [n].</param>
    public static void AssertSlope(TensorInfo tensor, float[] start, float[] gradient, int first, int stride, Func<float[], double> lossAt)
    {
        var direction = new float[tensor.Length];
        double length = 0;
        for (var i = first; i < tensor.Length; i += stride)
        {
            direction[i] = gradient[tensor.Offset + i];
            length += (double)direction[i] * direction[i];
        }

        length = Math.Sqrt(length);
        var difference = (LossAt(Distance) - LossAt(-Distance)) / (2 * Distance);
        Assert.True(Math.Abs(difference - length) < 0.003 * length + 1e-3, $"{tensor.Name}: slope {difference}, gradient {length}");

        double LossAt(double distance)
        {
            float[] moved = [.. start];
            for (var i = 0; i < tensor.Length; i++)
                moved[tensor.Offset + i] += (float)(direction[i] / length * distance);
            return lossAt(moved);
        }
    }
}
