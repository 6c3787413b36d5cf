using System.Runtime.CompilerServices;
using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// The matrix product. Every output is one chain of fused multiply-adds over k in rising order from 0, whatever the tiling, so a
/// tiling may be chosen for speed and changes no bit. After it come the additions of <see cref="MatMulShape"/>.
/// </summary>
internal static class MatMulKernel
{
    /// <summary>
    /// One group computes 8S x 8S outputs, a thread 8 x 8 of them in registers: two runs of four rows and of four columns half a tile
    /// apart, so that the threads of a warp read neighbouring words of shared memory. While one tile of operands is multiplied the
    /// next is on its way from global memory to registers, and goes to the other half of shared memory: one barrier a tile.
    /// </summary>
    public static void Tiled<TTiling, TA, TB, TAccess>(
        ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, ArrayView<float> row, ArrayView<float> matrix, MatMulShape shape)
        where TTiling : struct, IMatMulTiling
        where TA : struct, IMatMulLayout
        where TB : struct, IMatMulLayout
        where TAccess : struct, IMatMulAccess
    {
        var side = default(TTiling).Side;
        var pitch = (8 * side) + 4;
        var operand = side * pitch;
        var shared = default(TTiling).AllocateShared();
        var floats = shared.Cast<float>();

        var thread = Group.IdxX;
        int tx = thread % side, ty = thread / side;
        int firstRow = Grid.IdxY * 8 * side, firstColumn = Grid.IdxX * 8 * side;

        var a0 = Fetch<TTiling, TA, TAccess>(a, thread, firstRow, shape.M, 0, shape.K, shape.LdA);
        var a1 = Fetch<TTiling, TA, TAccess>(a, thread + (side * side), firstRow, shape.M, 0, shape.K, shape.LdA);
        var b0 = Fetch<TTiling, TB, TAccess>(b, thread, firstColumn, shape.N, 0, shape.K, shape.LdB);
        var b1 = Fetch<TTiling, TB, TAccess>(b, thread + (side * side), firstColumn, shape.N, 0, shape.K, shape.LdB);
        Keep<TTiling, TA>(shared, floats, 0, thread, a0);
        Keep<TTiling, TA>(shared, floats, 0, thread + (side * side), a1);
        Keep<TTiling, TB>(shared, floats, operand, thread, b0);
        Keep<TTiling, TB>(shared, floats, operand, thread + (side * side), b1);
        Group.Barrier();

        Tile4 upperLeft = default, upperRight = default, lowerLeft = default, lowerRight = default;
        var half = 0;
        for (var k = 0; k < shape.K; k += side)
        {
            // Past the end there are only zeros, which nobody reads.
            a0 = Fetch<TTiling, TA, TAccess>(a, thread, firstRow, shape.M, k + side, shape.K, shape.LdA);
            a1 = Fetch<TTiling, TA, TAccess>(a, thread + (side * side), firstRow, shape.M, k + side, shape.K, shape.LdA);
            b0 = Fetch<TTiling, TB, TAccess>(b, thread, firstColumn, shape.N, k + side, shape.K, shape.LdB);
            b1 = Fetch<TTiling, TB, TAccess>(b, thread + (side * side), firstColumn, shape.N, k + side, shape.K, shape.LdB);

            int left = ((half * 2 * operand) >> 2) + ty, right = (((half * 2) + 1) * operand >> 2) + tx;
            for (var step = 0; step < side; step++)
            {
                Float4 upper = shared[left], lower = shared[left + side];
                Float4 near = shared[right], far = shared[right + side];
                upperLeft = Tile4.AddOuter(upper, near, upperLeft);
                upperRight = Tile4.AddOuter(upper, far, upperRight);
                lowerLeft = Tile4.AddOuter(lower, near, lowerLeft);
                lowerRight = Tile4.AddOuter(lower, far, lowerRight);
                left += pitch >> 2;
                right += pitch >> 2;
            }

            half = 1 - half;
            var start = half * 2 * operand;
            Keep<TTiling, TA>(shared, floats, start, thread, a0);
            Keep<TTiling, TA>(shared, floats, start, thread + (side * side), a1);
            Keep<TTiling, TB>(shared, floats, start + operand, thread, b0);
            Keep<TTiling, TB>(shared, floats, start + operand, thread + (side * side), b1);
            Group.Barrier();
        }

        int upperRow = firstRow + (4 * ty), nearColumn = firstColumn + (4 * tx);
        StoreTile<TAccess>(c, row, matrix, shape, upperRow, nearColumn, upperLeft);
        StoreTile<TAccess>(c, row, matrix, shape, upperRow, nearColumn + (4 * side), upperRight);
        StoreTile<TAccess>(c, row, matrix, shape, upperRow + (4 * side), nearColumn, lowerLeft);
        StoreTile<TAccess>(c, row, matrix, shape, upperRow + (4 * side), nearColumn + (4 * side), lowerRight);
    }

    /// <summary>
    /// One output a thread: for products too small to fill tiles, and for ILGPU's CPU accelerator, where barriers are dear.
    /// </summary>
    public static void Small<TA, TB>(
        ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, ArrayView<float> row, ArrayView<float> matrix, MatMulShape shape)
        where TA : struct, IMatMulLayout
        where TB : struct, IMatMulLayout
    {
        var count = shape.M * shape.N;
        int stepA = default(TA).AlongK ? 1 : shape.LdA, stepB = default(TB).AlongK ? 1 : shape.LdB;
        for (var element = Grid.GlobalIndex.X; element < count; element += Grid.DimX * Group.DimX)
        {
            int i = element / shape.N, j = element % shape.N;
            int fromA = default(TA).AlongK ? i * shape.LdA : i, fromB = default(TB).AlongK ? j * shape.LdB : j;
            float sum = 0;
            for (var k = 0; k < shape.K; k++)
            {
                sum = DeviceMath.Fma(a[fromA], b[fromB], sum);
                fromA += stepA;
                fromB += stepB;
            }

            var to = (i * shape.LdC) + j;
            if (shape.AddRow != 0) sum = row[j] + sum;
            if (shape.AddMatrix != 0) sum = matrix[to] + sum;
            c[to] = sum;
        }
    }

    // Piece number `piece` of a tile of an operand: four floats along the contiguous axis.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Fetch<TTiling, TLayout, TAccess>(
        ArrayView<float> from, int piece, int firstOuter, int outer, int firstK, int depth, int ld)
        where TTiling : struct, IMatMulTiling
        where TLayout : struct, IMatMulLayout
        where TAccess : struct, IMatMulAccess
    {
        var side = default(TTiling).Side;
        if (default(TLayout).AlongK)
        {
            int i = firstOuter + (piece / (side / 4)), k = firstK + (piece % (side / 4) * 4);
            var exist = i < outer ? depth - k : 0;
            return default(TAccess).Load(from, (i * ld) + k, exist);
        }
        else
        {
            int k = firstK + (piece / (2 * side)), i = firstOuter + (piece % (2 * side) * 4);
            var exist = k < depth ? outer - i : 0;
            return default(TAccess).Load(from, (k * ld) + i, exist);
        }
    }

    // A tile lies in shared memory as [S][8S + 4], k first, whichever way it came; the 4 keep columns out of each other's banks.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep<TTiling, TLayout>(ArrayView<Float4> shared, ArrayView<float> floats, int start, int piece, Float4 value)
        where TTiling : struct, IMatMulTiling
        where TLayout : struct, IMatMulLayout
    {
        var side = default(TTiling).Side;
        var pitch = (8 * side) + 4;
        if (default(TLayout).AlongK)
        {
            var at = start + (piece % (side / 4) * 4 * pitch) + (piece / (side / 4));
            floats[at] = value.X;
            floats[at + pitch] = value.Y;
            floats[at + (2 * pitch)] = value.Z;
            floats[at + (3 * pitch)] = value.W;
        }
        else
        {
            shared[((start + (piece / (2 * side) * pitch)) >> 2) + (piece % (2 * side))] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTile<TAccess>(
        ArrayView<float> c, ArrayView<float> row, ArrayView<float> matrix, MatMulShape shape, int i, int j, Tile4 tile)
        where TAccess : struct, IMatMulAccess
    {
        Float4 added = default;
        if (shape.AddRow != 0) added = default(TAccess).Load(row, j, shape.N - j);
        StoreRow<TAccess>(c, matrix, shape, i, j, added, tile.R0);
        StoreRow<TAccess>(c, matrix, shape, i + 1, j, added, tile.R1);
        StoreRow<TAccess>(c, matrix, shape, i + 2, j, added, tile.R2);
        StoreRow<TAccess>(c, matrix, shape, i + 3, j, added, tile.R3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TAccess>(
        ArrayView<float> c, ArrayView<float> matrix, MatMulShape shape, int i, int j, Float4 added, Float4 value)
        where TAccess : struct, IMatMulAccess
    {
        if (i >= shape.M) return;
        int to = (i * shape.LdC) + j, exist = shape.N - j;
        if (shape.AddRow != 0) value = Float4.Add(added, value);
        if (shape.AddMatrix != 0) value = Float4.Add(default(TAccess).Load(matrix, to, exist), value);
        default(TAccess).Store(c, to, exist, value);
    }
}
