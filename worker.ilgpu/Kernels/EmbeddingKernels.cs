using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// Embeddings of tokens and positions. Their gradients are sums over rows that share a token or a position; each sum belongs to one
/// thread, which takes the rows in rising order, so nothing is atomic.
/// </summary>
internal static class EmbeddingKernels
{
    /// <summary>x[r, j] = tokens' row + position's row; overwrites x [rows, columns]. Row r has position r mod time.</summary>
    public static void Forward(
        ArrayView<int> tokens, ArrayView<float> words, ArrayView<float> places, ArrayView<float> x, int rows, int time, int columns)
    {
        for (var element = Grid.GlobalIndex.X; element < rows * columns; element += Grid.DimX * Group.DimX)
        {
            int r = element / columns, j = element % columns;
            x[element] = words[(tokens[r] * columns) + j] + places[(r % time * columns) + j];
        }
    }

    /// <summary>dplaces[t, j] = (or +=) sum over sequences of d[sequence time + t, j].</summary>
    public static void BackwardPlaces(ArrayView<float> d, ArrayView<float> dplaces, int sequences, int time, int columns, int accumulate)
    {
        for (var element = Grid.GlobalIndex.X; element < time * columns; element += Grid.DimX * Group.DimX)
        {
            float sum = 0;
            for (var sequence = 0; sequence < sequences; sequence++) sum += d[(sequence * time * columns) + element];
            dplaces[element] = accumulate != 0 ? dplaces[element] + sum : sum;
        }
    }

    /// <summary>
    /// dwords[token] += sum of the rows of d that have the token, for each of <paramref name="distinct"/> tokens: token[i] has rows
    /// order[start[i]] to order[start[i + 1] - 1], which rise.
    /// </summary>
    public static void BackwardWords(
        ArrayView<float> d, ArrayView<int> order, ArrayView<int> start, ArrayView<int> token, ArrayView<float> dwords, int distinct, int columns)
    {
        for (var element = Grid.GlobalIndex.X; element < distinct * columns; element += Grid.DimX * Group.DimX)
        {
            int i = element / columns, j = element % columns;
            float sum = 0;
            for (var at = start[i]; at < start[i + 1]; at++) sum += d[(order[at] * columns) + j];
            dwords[(token[i] * columns) + j] += sum;
        }
    }
}
