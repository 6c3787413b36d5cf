using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coordinator.Worker.Kernels;

/// <summary>Sixteen lanes in one register of 512 bits.</summary>
internal readonly unsafe struct Lanes512(Vector512<float> a) : ILanes16<Lanes512>
{
    private readonly Vector512<float> first = a;

    public static VectorWidth Width => VectorWidth.W512;

    public static int TileRows => 8;

    public static int TileLanes => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 value, float* destination) => value.first.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Add(Lanes512 a, Lanes512 b) => new(a.first + b.first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Subtract(Lanes512 a, Lanes512 b) => new(a.first - b.first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Multiply(Lanes512 a, Lanes512 b) => new(a.first * b.first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Divide(Lanes512 a, Lanes512 b) => new(a.first / b.first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Sqrt(Lanes512 a) => new(Vector512.Sqrt(a.first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Fma(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a.first, b.first, c.first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Greater(Lanes512 a, Lanes512 b) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThan(a.first, b.first), a.first, b.first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Lesser(Lanes512 a, Lanes512 b) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(a.first, b.first), a.first, b.first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Scale(Lanes512 value, Lanes512 shifted) => new(Scale(value.first, shifted.first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 value) => LaneTree.Sum(value.first.GetLower() + value.first.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes512 value) => LaneTree.Max(Vector256.Max(value.first.GetLower(), value.first.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddSquares(Lanes512 value, double* lanes)
    {
        AddSquares(value.first, lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSquares(Vector512<float> value, double* lanes)
    {
        var (low, high) = Vector512.Widen(value);
        Vector512.FusedMultiplyAdd(low, low, Vector512.Load(lanes)).Store(lanes);
        Vector512.FusedMultiplyAdd(high, high, Vector512.Load(lanes + 8)).Store(lanes + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scale(Vector512<float> value, Vector512<float> shifted)
    {
        var n = shifted.AsInt32() - Vector512.Create(0x4B400000);
        var half = n >> 1;
        var bias = Vector512.Create(127);
        return value * ((half + bias) << 23).AsSingle() * ((n - half + bias) << 23).AsSingle();
    }
}
