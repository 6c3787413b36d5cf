using System.Runtime.CompilerServices;
using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// What the attention kernels share: tiles in shared memory and the 4 x 4 products on them that one thread holds in registers. A
/// group's work is cut into such products, which its threads take in turn, so the size of the group changes no bit.
/// </summary>
internal static class AttentionTiles
{
    /// <summary>
    /// Copies rows first to first + rows - 1 of a [time, ld] matrix into a tile [rows, size + 4], scaled; 0 where there is no such row or
    /// channel.
    /// </summary>
    public static void Load(
        ArrayView<float> from, int start, int ld, int first, int time, int channels, float scale, ArrayView<float> tile, int rows, int size)
    {
        for (var i = Group.IdxX; i < rows * size; i += Group.DimX)
        {
            int r = i / size, d = i % size;
            float value = 0;
            if (first + r < time && d < channels) value = DeviceMath.Multiply(from[start + ((first + r) * ld) + d], scale);
            tile[(r * (size + 4)) + d] = value;
        }
    }

    /// <summary>
    /// Rows r + i step of a, columns c + j step of b, both [rows, channels] of pitch 4 <paramref name="pitch"/>: their inner products over
    /// the channels in rising order.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tile4 Inner(ArrayView<Float4> a, ArrayView<Float4> b, int r, int c, int step, int pitch, int size)
    {
        Tile4 sum = default;
        int atA = r * pitch, atB = c * pitch, far = step * pitch;
        for (var d = 0; d < size; d += 4)
        {
            Float4 b0 = b[atB], b1 = b[atB + far], b2 = b[atB + (2 * far)], b3 = b[atB + (3 * far)];
            var r0 = AddInner(a[atA], b0, b1, b2, b3, sum.R0);
            var r1 = AddInner(a[atA + far], b0, b1, b2, b3, sum.R1);
            var r2 = AddInner(a[atA + (2 * far)], b0, b1, b2, b3, sum.R2);
            var r3 = AddInner(a[atA + (3 * far)], b0, b1, b2, b3, sum.R3);
            sum = new Tile4(r0, r1, r2, r3);
            atA++;
            atB++;
        }

        return sum;
    }

    /// <summary>
    /// Rows r + i step of p [rows, rows] times channels 4 d to 4 d + 3 of v [rows, channels]: sums over p's columns in rising order.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tile4 Rows(ArrayView<Float4> p, ArrayView<Float4> v, int r, int d, int step, int pitchP, int pitchV, int rows)
    {
        Tile4 sum = default;
        int atP = r * pitchP, atV = d, far = step * pitchP;
        for (var c = 0; c < rows; c += 4)
        {
            Float4 v0 = v[atV], v1 = v[atV + pitchV], v2 = v[atV + (2 * pitchV)], v3 = v[atV + (3 * pitchV)];
            var r0 = AddRows(p[atP], v0, v1, v2, v3, sum.R0);
            var r1 = AddRows(p[atP + far], v0, v1, v2, v3, sum.R1);
            var r2 = AddRows(p[atP + (2 * far)], v0, v1, v2, v3, sum.R2);
            var r3 = AddRows(p[atP + (3 * far)], v0, v1, v2, v3, sum.R3);
            sum = new Tile4(r0, r1, r2, r3);
            atP++;
            atV += 4 * pitchV;
        }

        return sum;
    }

    /// <summary>
    /// Columns 4 c to 4 c + 3 of p [rows, rows], transposed, times channels 4 d to 4 d + 3 of y: sums over rows in rising order.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tile4 Columns(ArrayView<Float4> p, ArrayView<Float4> y, int c, int d, int pitchP, int pitchY, int rows)
    {
        Tile4 sum = default;
        int atP = c, atY = d;
        for (var r = 0; r < rows; r++)
        {
            sum = Tile4.AddOuter(p[atP], y[atY], sum);
            atP += pitchP;
            atY += pitchY;
        }

        return sum;
    }

    /// <summary>matrix[row, 4 d ...] = (or +=) a row of a tile times scale, where there are such channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(ArrayView<float> matrix, int to, int channels, float scale, bool first, Float4 value)
    {
        if (channels > 0) matrix[to] = DeviceMath.Fma(value.X, scale, first ? 0f : matrix[to]);
        if (channels > 1) matrix[to + 1] = DeviceMath.Fma(value.Y, scale, first ? 0f : matrix[to + 1]);
        if (channels > 2) matrix[to + 2] = DeviceMath.Fma(value.Z, scale, first ? 0f : matrix[to + 2]);
        if (channels > 3) matrix[to + 3] = DeviceMath.Fma(value.W, scale, first ? 0f : matrix[to + 3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 AddInner(Float4 a, Float4 b0, Float4 b1, Float4 b2, Float4 b3, Float4 sum) =>
        new(AddInner(a, b0, sum.X), AddInner(a, b1, sum.Y), AddInner(a, b2, sum.Z), AddInner(a, b3, sum.W));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float AddInner(Float4 a, Float4 b, float sum) =>
        DeviceMath.Fma(a.W, b.W, DeviceMath.Fma(a.Z, b.Z, DeviceMath.Fma(a.Y, b.Y, DeviceMath.Fma(a.X, b.X, sum))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 AddRows(Float4 p, Float4 v0, Float4 v1, Float4 v2, Float4 v3, Float4 sum) =>
        Float4.Fma(p.W, v3, Float4.Fma(p.Z, v2, Float4.Fma(p.Y, v1, Float4.Fma(p.X, v0, sum))));
}
