using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Layer normalisation (Ba, Kiros, Hinton 2016), y = (x - mean) rstd gamma + beta, rstd = 1 / sqrt(variance + 1e-5).</summary>
internal static class NormKernels
{
    private const float Epsilon = 1e-5f;

    /// <summary>One group a row. Overwrites y [rows, columns], mean [rows] and rstd [rows].</summary>
    public static void Forward(
        ArrayView<float> x, ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> y, ArrayView<float> mean, ArrayView<float> rstd, int columns)
    {
        var lanes = SharedMemory.Allocate<float>(Lanes.Count);
        int row = Grid.IdxX, start = row * columns;
        for (var lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            float sum = 0;
            for (var j = lane; j < columns; j += Lanes.Count) sum += x[start + j];
            lanes[lane] = sum;
        }

        var center = Lanes.Sum(lanes) / columns;
        for (var lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            float sum = 0;
            for (var j = lane; j < columns; j += Lanes.Count)
            {
                var difference = x[start + j] - center;
                sum = DeviceMath.Fma(difference, difference, sum);
            }

            lanes[lane] = sum;
        }

        var inverse = 1f / DeviceMath.Sqrt((Lanes.Sum(lanes) / columns) + Epsilon);
        for (var j = Group.IdxX; j < columns; j += Group.DimX)
            y[start + j] = DeviceMath.Fma(DeviceMath.Multiply(x[start + j] - center, inverse), gamma[j], beta[j]);

        if (Group.IdxX == 0)
        {
            mean[row] = center;
            rstd[row] = inverse;
        }
    }

    /// <summary>
    /// One group a row. With n = (x - mean) rstd and g = dy gamma: dx += rstd (g - mean(g) - n mean(g n)).
    /// </summary>
    public static void Backward(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> gamma, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> dx, int columns)
    {
        var lanes = SharedMemory.Allocate<float>(Lanes.Count);
        var products = SharedMemory.Allocate<float>(Lanes.Count);
        int row = Grid.IdxX, start = row * columns;
        float center = mean[row], inverse = rstd[row];
        for (var lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            float sum = 0, product = 0;
            for (var j = lane; j < columns; j += Lanes.Count)
            {
                float n = DeviceMath.Multiply(x[start + j] - center, inverse), g = DeviceMath.Multiply(dy[start + j], gamma[j]);
                sum += g;
                product = DeviceMath.Fma(g, n, product);
            }

            lanes[lane] = sum;
            products[lane] = product;
        }

        float meanG = Lanes.Sum(lanes) / columns, meanGn = Lanes.Sum(products) / columns;
        for (var j = Group.IdxX; j < columns; j += Group.DimX)
        {
            float n = DeviceMath.Multiply(x[start + j] - center, inverse), g = DeviceMath.Multiply(dy[start + j], gamma[j]);
            var d = DeviceMath.Fma(-n, meanGn, g - meanG);
            dx[start + j] = DeviceMath.Fma(d, inverse, dx[start + j]);
        }
    }

    /// <summary>
    /// Sums of dy n (for gamma) and dy (for beta) over each segment of rows: overwrites partial [segments, 2 columns], first those of
    /// gamma. <see cref="ColumnKernels.AddSegments"/> adds the segments up.
    /// </summary>
    public static void BackwardParameters(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> partial, int rows, int columns)
    {
        var segments = (rows + ColumnKernels.SegmentRows - 1) / ColumnKernels.SegmentRows;
        for (var element = Grid.GlobalIndex.X; element < segments * columns; element += Grid.DimX * Group.DimX)
        {
            int segment = element / columns, j = element % columns;
            var first = segment * ColumnKernels.SegmentRows;
            var end = first + ColumnKernels.SegmentRows;
            if (end > rows) end = rows;
            float gamma = 0, beta = 0;
            for (var r = first; r < end; r++)
            {
                var d = dy[(r * columns) + j];
                gamma = DeviceMath.Fma(d, DeviceMath.Multiply(x[(r * columns) + j] - mean[r], rstd[r]), gamma);
                beta += d;
            }

            partial[(segment * 2 * columns) + j] = gamma;
            partial[(segment * 2 * columns) + columns + j] = beta;
        }
    }
}
