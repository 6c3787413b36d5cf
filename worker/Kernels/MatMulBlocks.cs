using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// The matrix product over a packed right operand: blocks over k outermost (in rising order, each added to c), then blocks of rows,
/// panels of columns, tiles of rows. Every element of c is summed by itself, so tiles, edges and width leave its bits alone.
/// After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 2008.
/// </summary>
internal static unsafe class MatMulBlocks<T>
    where T : struct, ILanes16<T>
{
    /// <summary>
    /// c[m, n] = (or +=) a[m, kBegin..kEnd] b[kBegin..kEnd, n]. Blocks begin at multiples of KC whatever kBegin is.
    /// </summary>
    /// <param name="a">Left operand; its k runs from 0, like b's.</param>
    /// <param name="packed">Right operand as packed by <see cref="PackedRight{T}"/> from [packedK, packedN].</param>
    /// <param name="packedK">Terms that were packed.</param>
    /// <param name="packedN">Columns that were packed, at least n.</param>
    /// <param name="m">Rows of c.</param>
    /// <param name="n">Columns of c.</param>
    /// <param name="kBegin">First term.</param>
    /// <param name="kEnd">Term after the last.</param>
    /// <param name="c">Result, row-major.</param>
    /// <param name="ldc">Length of a row of c.</param>
    /// <param name="accumulate">Whether c is added to.</param>
    /// <param name="leftScratch">Room of <see cref="MatMulBlocking.LeftLength"/> floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(
        LeftMatrix a, float* packed, int packedK, int packedN, int m, int n, int kBegin, int kEnd, float* c, int ldc, bool accumulate, float* leftScratch)
    {
        int width = PackedRight<T>.PanelWidth, height = T.TileRows;
        var paddedN = PackedRight<T>.PaddedColumns(packedN);
        if (kEnd <= kBegin && !accumulate)
        {
            for (var i = 0; i < m; i++) new Span<float>(c + (long)i * ldc, n).Clear();
        }

        for (var k0 = kBegin; k0 < kEnd;)
        {
            var block = k0 / MatMulBlocking.KC * MatMulBlocking.KC;
            var packedTerms = Math.Min(MatMulBlocking.KC, packedK - block);
            var terms = Math.Min(block + packedTerms, kEnd) - k0;
            var panels = packed + (long)block * paddedN + (long)(k0 - block) * width;
            for (var i0 = 0; i0 < m; i0 += MatMulBlocking.MC)
            {
                var rows = Math.Min(MatMulBlocking.MC, m - i0);
                var packedFrom = PackLeft(leftScratch, a, i0, rows, k0, terms);
                var panel = panels;
                for (var j = 0; j < n; j += width, panel += (long)packedTerms * width)
                {
                    for (var i = 0; i < rows; i += height)
                    {
                        // A tile of packed rows, or rows read where they stand.
                        var left = i >= packedFrom ? leftScratch + (long)(i - packedFrom) * terms : a.Data + (i0 + i) * a.RowStride + k0;
                        var rowStride = i >= packedFrom ? 1 : a.RowStride;
                        nint kStride = i >= packedFrom ? height : 1;
                        var to = c + (long)(i0 + i) * ldc + j;
                        if (rows - i >= height && n - j >= width)
                            MatMulTile<T>.Run(terms, left, rowStride, kStride, panel, to, ldc, accumulate);
                        else MatMulTile<T>.RunEdge(terms, left, rowStride, kStride, panel, to, ldc, accumulate, rows - i, n - j);
                    }
                }
            }

            accumulate = true;
            k0 += terms;
        }
    }

    /// <summary>
    /// Packs what cannot be read in place as tiles of [terms, height]: all rows of a transposed operand, whose stride would
    /// thrash the cache, and a last tile that lacks rows (filled up with zeros).
    /// </summary>
    /// <returns>The first row that is packed; rows before it are read where they stand.</returns>
    private static int PackLeft(float* to, LeftMatrix a, int i0, int rows, int k0, int terms)
    {
        var height = T.TileRows;
        var from = a.KStride == 1 ? rows / height * height : 0;
        for (var i = from; i < rows; i += height)
        {
            var source = a.Data + (i0 + i) * a.RowStride + k0 * a.KStride;
            var count = Math.Min(height, rows - i);
            if (a.RowStride == 1 && count == height)
            {
                CopyTiles(to, source, a.KStride, terms);
            }
            else
            {
                for (var l = 0; l < terms; l++)
                {
                    for (var r = 0; r < height; r++) to[l * height + r] = r < count ? source[r * a.RowStride + l * a.KStride] : 0f;
                }
            }

            to += (long)height * terms;
        }

        return from;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyTiles(float* to, float* source, nint stride, int terms)
    {
        for (var l = 0; l < terms; l++, to += T.TileRows, source += stride)
        {
            if (T.TileRows == 8) Unsafe.CopyBlockUnaligned(to, source, 32);
            else if (T.TileRows == 6) Unsafe.CopyBlockUnaligned(to, source, 24);
            else Unsafe.CopyBlockUnaligned(to, source, 12);
        }
    }
}
