using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coordinator.Worker.Kernels;

/// <summary>The last levels of the tree over sixteen lanes, shared by all widths: i with i + 4, then i + 2, then i + 1.</summary>
internal static class LaneTree
{
    /// <summary>Sum of eight lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> lanes) => Sum(lanes.GetLower() + lanes.GetUpper());

    /// <summary>Sum of four lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> lanes)
    {
        var pairs = lanes + Vector128.Shuffle(lanes, Vector128.Create(2, 3, 0, 1));
        return pairs.GetElement(0) + pairs.GetElement(1);
    }

    /// <summary>Largest of eight lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector256<float> lanes) => Max(Vector128.Max(lanes.GetLower(), lanes.GetUpper()));

    /// <summary>Largest of four lanes; NaN if any is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector128<float> lanes)
    {
        var pairs = Vector128.Max(lanes, Vector128.Shuffle(lanes, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(pairs.GetElement(0), pairs.GetElement(1));
    }

    /// <summary>Sum of sixteen float64 lanes in memory, by the same tree as the float32 lanes.</summary>
    public static unsafe double Sum(double* lanes)
    {
        var level = stackalloc double[8];
        for (var i = 0; i < 8; i++) level[i] = lanes[i] + lanes[i + 8];
        for (var i = 0; i < 4; i++) level[i] += level[i + 4];
        for (var i = 0; i < 2; i++) level[i] += level[i + 2];
        return level[0] + level[1];
    }
}
