using System.Runtime.CompilerServices;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Which axis of a stored operand is contiguous, as a type. "Outer" is the axis that the product keeps: M of a, N of b.</summary>
internal interface IMatMulLayout
{
    /// <summary>True for [outer, K] as stored (a as it is, b transposed), false for [K, outer].</summary>
    bool AlongK { get; }
}

/// <summary>Stored as [outer, K].</summary>
internal readonly struct AlongK : IMatMulLayout
{
    bool IMatMulLayout.AlongK => true;
}

/// <summary>Stored as [K, outer].</summary>
internal readonly struct AlongOuter : IMatMulLayout
{
    bool IMatMulLayout.AlongK => false;
}

/// <summary>How four neighbouring floats of a matrix in global memory are reached, as a type.</summary>
internal interface IMatMulAccess
{
    /// <summary>Four floats from <paramref name="offset"/>, of which <paramref name="valid"/> exist; the others are 0.</summary>
    Float4 Load(ArrayView<float> matrix, int offset, int valid);

    /// <summary>Stores those that exist.</summary>
    void Store(ArrayView<float> matrix, int offset, int valid, Float4 value);
}

/// <summary>One instruction for four floats: for matrices whose start, rows and lengths are multiples of four.</summary>
internal readonly struct VectorAccess : IMatMulAccess
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Float4 Load(ArrayView<float> matrix, int offset, int valid)
    {
        Float4 value = default;
        if (valid > 0) value = matrix.Cast<Float4>()[offset >> 2];
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ArrayView<float> matrix, int offset, int valid, Float4 value)
    {
        if (valid > 0) matrix.Cast<Float4>()[offset >> 2] = value;
    }
}

/// <summary>Float by float: for every other matrix.</summary>
internal readonly struct ScalarAccess : IMatMulAccess
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Float4 Load(ArrayView<float> matrix, int offset, int valid)
    {
        Float4 value = default;
        if (valid > 0) value.X = matrix[offset];
        if (valid > 1) value.Y = matrix[offset + 1];
        if (valid > 2) value.Z = matrix[offset + 2];
        if (valid > 3) value.W = matrix[offset + 3];
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ArrayView<float> matrix, int offset, int valid, Float4 value)
    {
        if (valid > 0) matrix[offset] = value.X;
        if (valid > 1) matrix[offset + 1] = value.Y;
        if (valid > 2) matrix[offset + 2] = value.Z;
        if (valid > 3) matrix[offset + 3] = value.W;
    }
}
