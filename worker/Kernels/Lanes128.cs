using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coordinator.Worker.Kernels;

/// <summary>Sixteen lanes in four registers of 128 bits.</summary>
internal readonly unsafe struct Lanes128(
    Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) : ILanes16<Lanes128>
{
    private readonly Vector128<float> first = a;
    private readonly Vector128<float> second = b;
    private readonly Vector128<float> third = c;
    private readonly Vector128<float> fourth = d;

    public static VectorWidth Width => VectorWidth.W128;

    public static int TileRows => 3;

    public static int TileLanes => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* source) =>
        new(Vector128.Load(source), Vector128.Load(source + 4), Vector128.Load(source + 8), Vector128.Load(source + 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 value, float* destination)
    {
        value.first.Store(destination);
        value.second.Store(destination + 4);
        value.third.Store(destination + 8);
        value.fourth.Store(destination + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float value)
    {
        var all = Vector128.Create(value);
        return new(all, all, all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Add(Lanes128 a, Lanes128 b) =>
        new(a.first + b.first, a.second + b.second, a.third + b.third, a.fourth + b.fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Subtract(Lanes128 a, Lanes128 b) =>
        new(a.first - b.first, a.second - b.second, a.third - b.third, a.fourth - b.fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Multiply(Lanes128 a, Lanes128 b) =>
        new(a.first * b.first, a.second * b.second, a.third * b.third, a.fourth * b.fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Divide(Lanes128 a, Lanes128 b) =>
        new(a.first / b.first, a.second / b.second, a.third / b.third, a.fourth / b.fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Sqrt(Lanes128 a) =>
        new(Vector128.Sqrt(a.first), Vector128.Sqrt(a.second), Vector128.Sqrt(a.third), Vector128.Sqrt(a.fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Fma(Lanes128 a, Lanes128 b, Lanes128 c) => new(
        Vector128.FusedMultiplyAdd(a.first, b.first, c.first),
        Vector128.FusedMultiplyAdd(a.second, b.second, c.second),
        Vector128.FusedMultiplyAdd(a.third, b.third, c.third),
        Vector128.FusedMultiplyAdd(a.fourth, b.fourth, c.fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Greater(Lanes128 a, Lanes128 b) => new(
        Vector128.ConditionalSelect(Vector128.GreaterThan(a.first, b.first), a.first, b.first),
        Vector128.ConditionalSelect(Vector128.GreaterThan(a.second, b.second), a.second, b.second),
        Vector128.ConditionalSelect(Vector128.GreaterThan(a.third, b.third), a.third, b.third),
        Vector128.ConditionalSelect(Vector128.GreaterThan(a.fourth, b.fourth), a.fourth, b.fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Lesser(Lanes128 a, Lanes128 b) => new(
        Vector128.ConditionalSelect(Vector128.LessThan(a.first, b.first), a.first, b.first),
        Vector128.ConditionalSelect(Vector128.LessThan(a.second, b.second), a.second, b.second),
        Vector128.ConditionalSelect(Vector128.LessThan(a.third, b.third), a.third, b.third),
        Vector128.ConditionalSelect(Vector128.LessThan(a.fourth, b.fourth), a.fourth, b.fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Scale(Lanes128 value, Lanes128 shifted) => new(
        Scale(value.first, shifted.first),
        Scale(value.second, shifted.second),
        Scale(value.third, shifted.third),
        Scale(value.fourth, shifted.fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 value) => LaneTree.Sum((value.first + value.third) + (value.second + value.fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes128 value) =>
        LaneTree.Max(Vector128.Max(Vector128.Max(value.first, value.third), Vector128.Max(value.second, value.fourth)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddSquares(Lanes128 value, double* lanes)
    {
        AddSquares(value.first, lanes);
        AddSquares(value.second, lanes + 4);
        AddSquares(value.third, lanes + 8);
        AddSquares(value.fourth, lanes + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSquares(Vector128<float> value, double* lanes)
    {
        var (low, high) = Vector128.Widen(value);
        Vector128.FusedMultiplyAdd(low, low, Vector128.Load(lanes)).Store(lanes);
        Vector128.FusedMultiplyAdd(high, high, Vector128.Load(lanes + 2)).Store(lanes + 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Scale(Vector128<float> value, Vector128<float> shifted)
    {
        var n = shifted.AsInt32() - Vector128.Create(0x4B400000);
        var half = n >> 1;
        var bias = Vector128.Create(127);
        return value * ((half + bias) << 23).AsSingle() * ((n - half + bias) << 23).AsSingle();
    }
}
