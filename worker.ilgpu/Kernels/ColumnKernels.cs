using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// Sums over the rows of a matrix, for biases: rows in segments of 64, each summed in rising order, then the segments in rising order.
/// So there is enough for many threads to do, and the order depends on the number of rows alone.
/// </summary>
internal static class ColumnKernels
{
    public const int SegmentRows = 64;

    /// <summary>Overwrites partial [segments, columns] with the sums over each segment of x [rows, columns].</summary>
    public static void SumSegments(ArrayView<float> x, ArrayView<float> partial, int rows, int columns)
    {
        var segments = (rows + SegmentRows - 1) / SegmentRows;
        for (var element = Grid.GlobalIndex.X; element < segments * columns; element += Grid.DimX * Group.DimX)
        {
            int segment = element / columns, j = element % columns;
            var end = (segment + 1) * SegmentRows;
            if (end > rows) end = rows;
            float sum = 0;
            for (var r = segment * SegmentRows; r < end; r++) sum += x[(r * columns) + j];
            partial[element] = sum;
        }
    }

    /// <summary>
    /// sums[j] = (or, where <paramref name="accumulate"/> is not 0, +=) sum over segments of partial[segment width + j], j below columns.
    /// </summary>
    public static void AddSegments(ArrayView<float> partial, ArrayView<float> sums, int segments, int width, int columns, int accumulate)
    {
        for (var j = Grid.GlobalIndex.X; j < columns; j += Grid.DimX * Group.DimX)
        {
            float sum = 0;
            for (var segment = 0; segment < segments; segment++) sum += partial[(segment * width) + j];
            sums[j] = accumulate != 0 ? sums[j] + sum : sum;
        }
    }
}
