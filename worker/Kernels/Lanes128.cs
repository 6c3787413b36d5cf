using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coordinator.Worker.Kernels;

/// <summary>Sixteen lanes in four registers of 128 bits.</summary>
internal readonly unsafe struct Lanes128(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) : ILanes16<Lanes128>
{
    private readonly Vector128<float> _a = a;
    private readonly Vector128<float> _b = b;
    private readonly Vector128<float> _c = c;
    private readonly Vector128<float> _d = d;

    public static VectorWidth Width => VectorWidth.W128;

    public static int TileRows => 3;

    public static int TileLanes => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* source) => new(Vector128.Load(source), Vector128.Load(source + 4), Vector128.Load(source + 8), Vector128.Load(source + 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 value, float* destination)
    {
        value._a.Store(destination);
        value._b.Store(destination + 4);
        value._c.Store(destination + 8);
        value._d.Store(destination + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float value)
    {
        Vector128<float> all = Vector128.Create(value);
        return new(all, all, all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Add(Lanes128 a, Lanes128 b) => new(a._a + b._a, a._b + b._b, a._c + b._c, a._d + b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Subtract(Lanes128 a, Lanes128 b) => new(a._a - b._a, a._b - b._b, a._c - b._c, a._d - b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Multiply(Lanes128 a, Lanes128 b) => new(a._a * b._a, a._b * b._b, a._c * b._c, a._d * b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Divide(Lanes128 a, Lanes128 b) => new(a._a / b._a, a._b / b._b, a._c / b._c, a._d / b._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Sqrt(Lanes128 a) => new(Vector128.Sqrt(a._a), Vector128.Sqrt(a._b), Vector128.Sqrt(a._c), Vector128.Sqrt(a._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Fma(Lanes128 a, Lanes128 b, Lanes128 c) => new(
        Vector128.FusedMultiplyAdd(a._a, b._a, c._a),
        Vector128.FusedMultiplyAdd(a._b, b._b, c._b),
        Vector128.FusedMultiplyAdd(a._c, b._c, c._c),
        Vector128.FusedMultiplyAdd(a._d, b._d, c._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Greater(Lanes128 a, Lanes128 b) => new(
        Vector128.ConditionalSelect(Vector128.GreaterThan(a._a, b._a), a._a, b._a),
        Vector128.ConditionalSelect(Vector128.GreaterThan(a._b, b._b), a._b, b._b),
        Vector128.ConditionalSelect(Vector128.GreaterThan(a._c, b._c), a._c, b._c),
        Vector128.ConditionalSelect(Vector128.GreaterThan(a._d, b._d), a._d, b._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Lesser(Lanes128 a, Lanes128 b) => new(
        Vector128.ConditionalSelect(Vector128.LessThan(a._a, b._a), a._a, b._a),
        Vector128.ConditionalSelect(Vector128.LessThan(a._b, b._b), a._b, b._b),
        Vector128.ConditionalSelect(Vector128.LessThan(a._c, b._c), a._c, b._c),
        Vector128.ConditionalSelect(Vector128.LessThan(a._d, b._d), a._d, b._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Scale(Lanes128 value, Lanes128 shifted) => new(
        Scale(value._a, shifted._a),
        Scale(value._b, shifted._b),
        Scale(value._c, shifted._c),
        Scale(value._d, shifted._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 value) => LaneTree.Sum((value._a + value._c) + (value._b + value._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes128 value) => LaneTree.Max(Vector128.Max(Vector128.Max(value._a, value._c), Vector128.Max(value._b, value._d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddSquares(Lanes128 value, double* lanes)
    {
        AddSquares(value._a, lanes);
        AddSquares(value._b, lanes + 4);
        AddSquares(value._c, lanes + 8);
        AddSquares(value._d, lanes + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSquares(Vector128<float> value, double* lanes)
    {
        (Vector128<double> low, Vector128<double> high) = Vector128.Widen(value);
        Vector128.FusedMultiplyAdd(low, low, Vector128.Load(lanes)).Store(lanes);
        Vector128.FusedMultiplyAdd(high, high, Vector128.Load(lanes + 2)).Store(lanes + 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Scale(Vector128<float> value, Vector128<float> shifted)
    {
        Vector128<int> n = shifted.AsInt32() - Vector128.Create(0x4B400000);
        Vector128<int> half = n >> 1;
        Vector128<int> bias = Vector128.Create(127);
        return value * ((half + bias) << 23).AsSingle() * ((n - half + bias) << 23).AsSingle();
    }
}
