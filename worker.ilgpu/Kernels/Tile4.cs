using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// A 4 x 4 tile of sums that one thread holds in registers, by rows. A struct of scalars and not an array, which ILGPU would place
/// in local memory.
/// </summary>
internal struct Tile4(Float4 r0, Float4 r1, Float4 r2, Float4 r3)
{
    public Float4 R0 = r0;
    public Float4 R1 = r1;
    public Float4 R2 = r2;
    public Float4 R3 = r3;

    /// <summary>sum + a b' for a column a and a row b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tile4 AddOuter(Float4 a, Float4 b, Tile4 sum) =>
        new(Float4.Fma(a.X, b, sum.R0), Float4.Fma(a.Y, b, sum.R1), Float4.Fma(a.Z, b, sum.R2), Float4.Fma(a.W, b, sum.R3));
}
