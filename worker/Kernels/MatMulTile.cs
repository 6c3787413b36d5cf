using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// The innermost part of the matrix product: a tile of c is held in registers while the terms pass by. One tile shape for each
/// width, as large as the register file allows; the operations on an element of c are the same in all.
/// </summary>
internal static unsafe class MatMulTile<T>
    where T : struct, ILanes16<T>
{
    /// <summary>
    /// c = (or +=) the sum over <paramref name="terms"/> of a[row, l] b[l, column] for a whole tile. The sum begins at 0 with a
    /// fused multiply-add and rises over l.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(int terms, float* a, nint rowStride, nint kStride, float* b, float* c, nint ldc, bool accumulate)
    {
        if (T.TileRows == 8) Run8x32(terms, a, rowStride, kStride, b, c, ldc, accumulate);
        else if (T.TileRows == 6) Run6x16(terms, a, rowStride, kStride, b, c, ldc, accumulate);
        else Run3x16(terms, a, rowStride, kStride, b, c, ldc, accumulate);
    }

    /// <summary>
    /// A tile of which only <paramref name="rows"/> rows or <paramref name="columns"/> columns lie inside c: computed aside, then copied.
    /// </summary>
    public static void RunEdge(
        int terms, float* a, nint rowStride, nint kStride, float* b, float* c, nint ldc, bool accumulate, int rows, int columns)
    {
        var width = T.TileLanes * 16;
        var tile = stackalloc float[8 * 32];
        Run(terms, a, rowStride, kStride, b, tile, width, false);
        rows = Math.Min(rows, T.TileRows);
        columns = Math.Min(columns, width);
        for (var r = 0; r < rows; r++)
        {
            for (var j = 0; j < columns; j++) c[r * ldc + j] = accumulate ? c[r * ldc + j] + tile[r * width + j] : tile[r * width + j];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run8x32(int terms, float* a, nint rowStride, nint kStride, float* b, float* c, nint ldc, bool accumulate)
    {
        T c0a = T.Broadcast(0f), c0b = T.Broadcast(0f);
        T c1a = T.Broadcast(0f), c1b = T.Broadcast(0f);
        T c2a = T.Broadcast(0f), c2b = T.Broadcast(0f);
        T c3a = T.Broadcast(0f), c3b = T.Broadcast(0f);
        T c4a = T.Broadcast(0f), c4b = T.Broadcast(0f);
        T c5a = T.Broadcast(0f), c5b = T.Broadcast(0f);
        T c6a = T.Broadcast(0f), c6b = T.Broadcast(0f);
        T c7a = T.Broadcast(0f), c7b = T.Broadcast(0f);
        float* a0 = a, a3 = a + 3 * rowStride, a6 = a + 6 * rowStride;
        for (var l = 0; l < terms; l++, b += 32)
        {
            var b0 = T.Load(b);
            var b1 = T.Load(b + 16);
            var x0 = T.Broadcast(*a0);
            c0a = T.Fma(x0, b0, c0a);
            c0b = T.Fma(x0, b1, c0b);
            var x1 = T.Broadcast(a0[rowStride]);
            c1a = T.Fma(x1, b0, c1a);
            c1b = T.Fma(x1, b1, c1b);
            var x2 = T.Broadcast(a0[2 * rowStride]);
            c2a = T.Fma(x2, b0, c2a);
            c2b = T.Fma(x2, b1, c2b);
            var x3 = T.Broadcast(*a3);
            c3a = T.Fma(x3, b0, c3a);
            c3b = T.Fma(x3, b1, c3b);
            var x4 = T.Broadcast(a3[rowStride]);
            c4a = T.Fma(x4, b0, c4a);
            c4b = T.Fma(x4, b1, c4b);
            var x5 = T.Broadcast(a3[2 * rowStride]);
            c5a = T.Fma(x5, b0, c5a);
            c5b = T.Fma(x5, b1, c5b);
            var x6 = T.Broadcast(*a6);
            c6a = T.Fma(x6, b0, c6a);
            c6b = T.Fma(x6, b1, c6b);
            var x7 = T.Broadcast(a6[rowStride]);
            c7a = T.Fma(x7, b0, c7a);
            c7b = T.Fma(x7, b1, c7b);
            a0 += kStride;
            a3 += kStride;
            a6 += kStride;
        }

        Put(c0a, c, accumulate);
        Put(c0b, c + 16, accumulate);
        Put(c1a, c + ldc, accumulate);
        Put(c1b, c + ldc + 16, accumulate);
        Put(c2a, c + 2 * ldc, accumulate);
        Put(c2b, c + 2 * ldc + 16, accumulate);
        Put(c3a, c + 3 * ldc, accumulate);
        Put(c3b, c + 3 * ldc + 16, accumulate);
        Put(c4a, c + 4 * ldc, accumulate);
        Put(c4b, c + 4 * ldc + 16, accumulate);
        Put(c5a, c + 5 * ldc, accumulate);
        Put(c5b, c + 5 * ldc + 16, accumulate);
        Put(c6a, c + 6 * ldc, accumulate);
        Put(c6b, c + 6 * ldc + 16, accumulate);
        Put(c7a, c + 7 * ldc, accumulate);
        Put(c7b, c + 7 * ldc + 16, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run6x16(int terms, float* a, nint rowStride, nint kStride, float* b, float* c, nint ldc, bool accumulate)
    {
        var c0 = T.Broadcast(0f);
        var c1 = T.Broadcast(0f);
        var c2 = T.Broadcast(0f);
        var c3 = T.Broadcast(0f);
        var c4 = T.Broadcast(0f);
        var c5 = T.Broadcast(0f);
        float* a0 = a, a3 = a + 3 * rowStride;
        for (var l = 0; l < terms; l++, b += 16)
        {
            var b0 = T.Load(b);
            c0 = T.Fma(T.Broadcast(*a0), b0, c0);
            c1 = T.Fma(T.Broadcast(a0[rowStride]), b0, c1);
            c2 = T.Fma(T.Broadcast(a0[2 * rowStride]), b0, c2);
            c3 = T.Fma(T.Broadcast(*a3), b0, c3);
            c4 = T.Fma(T.Broadcast(a3[rowStride]), b0, c4);
            c5 = T.Fma(T.Broadcast(a3[2 * rowStride]), b0, c5);
            a0 += kStride;
            a3 += kStride;
        }

        Put(c0, c, accumulate);
        Put(c1, c + ldc, accumulate);
        Put(c2, c + 2 * ldc, accumulate);
        Put(c3, c + 3 * ldc, accumulate);
        Put(c4, c + 4 * ldc, accumulate);
        Put(c5, c + 5 * ldc, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run3x16(int terms, float* a, nint rowStride, nint kStride, float* b, float* c, nint ldc, bool accumulate)
    {
        var c0 = T.Broadcast(0f);
        var c1 = T.Broadcast(0f);
        var c2 = T.Broadcast(0f);
        var a0 = a;
        for (var l = 0; l < terms; l++, b += 16)
        {
            var b0 = T.Load(b);
            c0 = T.Fma(T.Broadcast(*a0), b0, c0);
            c1 = T.Fma(T.Broadcast(a0[rowStride]), b0, c1);
            c2 = T.Fma(T.Broadcast(a0[2 * rowStride]), b0, c2);
            a0 += kStride;
        }

        Put(c0, c, accumulate);
        Put(c1, c + ldc, accumulate);
        Put(c2, c + 2 * ldc, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(T sum, float* c, bool accumulate) => T.Store(accumulate ? T.Add(T.Load(c), sum) : sum, c);
}
