using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// The right operand [k, n], rearranged so that the product's inner loop reads it in one run: blocks of KC terms, in each block
/// panels of one tile's width, in each panel [terms, width]. The last panel is filled up with zeros.
/// Packing moves values and computes nothing.
/// </summary>
internal static unsafe class PackedRight<T>
    where T : struct, ILanes16<T>
{
    /// <summary>Columns of a panel.</summary>
    public static int PanelWidth
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => T.TileLanes * 16;
    }

    /// <summary>Floats that a packed [k, n] takes.</summary>
    public static long Length(int k, int n) => (long)k * PaddedColumns(n);

    /// <summary>n rounded up to whole panels.</summary>
    public static int PaddedColumns(int n) => (n + PanelWidth - 1) / PanelWidth * PanelWidth;

    /// <summary>Packs b, stored [k, n] or, transposed, [n, k].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(float* packed, float* b, int ldb, bool transposed, int k, int n)
    {
        for (var k0 = 0; k0 < k; k0 += MatMulBlocking.KC)
        {
            var terms = Math.Min(MatMulBlocking.KC, k - k0);
            for (var j = 0; j < n; j += PanelWidth)
            {
                var columns = Math.Min(PanelWidth, n - j);
                if (transposed) PackTransposed(packed, b + (long)j * ldb + k0, ldb, terms, columns);
                else PackStraight(packed, b + (long)k0 * ldb + j, ldb, terms, columns);
                packed += (long)terms * PanelWidth;
            }
        }
    }

    private static void PackStraight(float* panel, float* b, int ldb, int terms, int columns)
    {
        for (var l = 0; l < terms; l++, panel += PanelWidth, b += ldb)
        {
            if (columns == PanelWidth)
            {
                T.Store(T.Load(b), panel);
                if (T.TileLanes == 2) T.Store(T.Load(b + 16), panel + 16);
            }
            else
            {
                new ReadOnlySpan<float>(b, columns).CopyTo(new Span<float>(panel, columns));
                new Span<float>(panel + columns, PanelWidth - columns).Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackTransposed(float* panel, float* b, int ldb, int terms, int columns)
    {
        if (columns < PanelWidth) new Span<float>(panel, terms * PanelWidth).Clear();
        var j = 0;
        if (Sse.IsSupported)
        {
            for (; j + 4 <= columns; j += 4)
            {
                float* row0 = b + (long)j * ldb, row1 = row0 + ldb, row2 = row1 + ldb, row3 = row2 + ldb;
                var to = panel + j;
                var l = 0;
                for (; l + 4 <= terms; l += 4, to += 4 * PanelWidth)
                {
                    Vector128<float> r0 = Vector128.Load(row0 + l), r1 = Vector128.Load(row1 + l);
                    Vector128<float> r2 = Vector128.Load(row2 + l), r3 = Vector128.Load(row3 + l);
                    Vector128<float> low01 = Sse.UnpackLow(r0, r1), low23 = Sse.UnpackLow(r2, r3);
                    Vector128<float> high01 = Sse.UnpackHigh(r0, r1), high23 = Sse.UnpackHigh(r2, r3);
                    Sse.MoveLowToHigh(low01, low23).Store(to);
                    Sse.MoveHighToLow(low23, low01).Store(to + PanelWidth);
                    Sse.MoveLowToHigh(high01, high23).Store(to + 2 * PanelWidth);
                    Sse.MoveHighToLow(high23, high01).Store(to + 3 * PanelWidth);
                }

                for (; l < terms; l++, to += PanelWidth)
                {
                    to[0] = row0[l];
                    to[1] = row1[l];
                    to[2] = row2[l];
                    to[3] = row3[l];
                }
            }
        }

        for (; j < columns; j++)
        {
            var row = b + (long)j * ldb;
            for (var l = 0; l < terms; l++) panel[l * PanelWidth + j] = row[l];
        }
    }
}
