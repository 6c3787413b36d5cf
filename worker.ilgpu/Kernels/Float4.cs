using System.Runtime.CompilerServices;
using Coordinator.Worker.Ilgpu.Numerics;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Four floats that kernels load and store in one instruction; in registers they are four scalars.</summary>
internal struct Float4(float x, float y, float z, float w)
{
    public float X = x;
    public float Y = y;
    public float Z = z;
    public float W = w;

    /// <summary>c + a b, element by element, each rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Fma(float a, Float4 b, Float4 c) =>
        new(DeviceMath.Fma(a, b.X, c.X), DeviceMath.Fma(a, b.Y, c.Y), DeviceMath.Fma(a, b.Z, c.Z), DeviceMath.Fma(a, b.W, c.W));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Add(Float4 a, Float4 b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.W + b.W);
}
