using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coordinator.Worker.Kernels;

/// <summary>Sixteen lanes in two registers of 256 bits.</summary>
internal readonly unsafe struct Lanes256(Vector256<float> a, Vector256<float> b) : ILanes16<Lanes256>
{
    private readonly Vector256<float> first = a;
    private readonly Vector256<float> second = b;

    public static VectorWidth Width => VectorWidth.W256;

    public static int TileRows => 6;

    public static int TileLanes => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* source) => new(Vector256.Load(source), Vector256.Load(source + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256 value, float* destination)
    {
        value.first.Store(destination);
        value.second.Store(destination + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Broadcast(float value)
    {
        var all = Vector256.Create(value);
        return new(all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Add(Lanes256 a, Lanes256 b) => new(a.first + b.first, a.second + b.second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Subtract(Lanes256 a, Lanes256 b) => new(a.first - b.first, a.second - b.second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Multiply(Lanes256 a, Lanes256 b) => new(a.first * b.first, a.second * b.second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Divide(Lanes256 a, Lanes256 b) => new(a.first / b.first, a.second / b.second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Sqrt(Lanes256 a) => new(Vector256.Sqrt(a.first), Vector256.Sqrt(a.second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Fma(Lanes256 a, Lanes256 b, Lanes256 c) => new(
        Vector256.FusedMultiplyAdd(a.first, b.first, c.first),
        Vector256.FusedMultiplyAdd(a.second, b.second, c.second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Greater(Lanes256 a, Lanes256 b) => new(
        Vector256.ConditionalSelect(Vector256.GreaterThan(a.first, b.first), a.first, b.first),
        Vector256.ConditionalSelect(Vector256.GreaterThan(a.second, b.second), a.second, b.second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Lesser(Lanes256 a, Lanes256 b) => new(
        Vector256.ConditionalSelect(Vector256.LessThan(a.first, b.first), a.first, b.first),
        Vector256.ConditionalSelect(Vector256.LessThan(a.second, b.second), a.second, b.second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Scale(Lanes256 value, Lanes256 shifted) => new(
        Scale(value.first, shifted.first),
        Scale(value.second, shifted.second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 value) => LaneTree.Sum(value.first + value.second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes256 value) => LaneTree.Max(Vector256.Max(value.first, value.second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddSquares(Lanes256 value, double* lanes)
    {
        AddSquares(value.first, lanes);
        AddSquares(value.second, lanes + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSquares(Vector256<float> value, double* lanes)
    {
        var (low, high) = Vector256.Widen(value);
        Vector256.FusedMultiplyAdd(low, low, Vector256.Load(lanes)).Store(lanes);
        Vector256.FusedMultiplyAdd(high, high, Vector256.Load(lanes + 4)).Store(lanes + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scale(Vector256<float> value, Vector256<float> shifted)
    {
        var n = shifted.AsInt32() - Vector256.Create(0x4B400000);
        var half = n >> 1;
        var bias = Vector256.Create(127);
        return value * ((half + bias) << 23).AsSingle() * ((n - half + bias) << 23).AsSingle();
    }
}
