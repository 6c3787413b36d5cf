namespace Coordinator.Worker.Kernels;

/// <summary>
/// Sixteen float32 lanes, whatever the hardware's width: one register of 512 bits, two of 256 or four of 128. Kernels are
/// written once over this type and the JIT makes a copy for each width. Since every width has the same sixteen lanes and the
/// same tree over them, reductions have the same bits at every width. (A NaN is a NaN at every width; its payload may differ.)
/// </summary>
internal unsafe interface ILanes16<T>
    where T : struct, ILanes16<T>
{
    /// <summary>The width that this type stands for.</summary>
    static abstract VectorWidth Width { get; }

    /// <summary>Rows of the matrix product's register tile.</summary>
    static abstract int TileRows { get; }

    /// <summary>Columns of the matrix product's register tile, in units of sixteen.</summary>
    static abstract int TileLanes { get; }

    /// <summary>Sixteen values from memory, any alignment.</summary>
    static abstract T Load(float* source);

    /// <summary>Sixteen values to memory, any alignment.</summary>
    static abstract void Store(T value, float* destination);

    /// <summary>One value in every lane.</summary>
    static abstract T Broadcast(float value);

    static abstract T Add(T a, T b);

    static abstract T Subtract(T a, T b);

    static abstract T Multiply(T a, T b);

    static abstract T Divide(T a, T b);

    static abstract T Sqrt(T a);

    /// <summary>a * b + c with one rounding.</summary>
    static abstract T Fma(T a, T b, T c);

    /// <summary>Where a &gt; b, a; else b (so b where a is NaN).</summary>
    static abstract T Greater(T a, T b);

    /// <summary>Where a &lt; b, a; else b (so b where a is NaN).</summary>
    static abstract T Lesser(T a, T b);

    /// <summary>
    /// value * 2^n, where <paramref name="shifted"/> holds n + 1.5 * 2^23 and n is -150 to 128. Two multiplications by powers of two,
    /// so that subnormal results are rounded and large ones become infinite.
    /// </summary>
    static abstract T Scale(T value, T shifted);

    /// <summary>Sum of the lanes by the fixed tree: i with i + 8, then i + 4, i + 2, i + 1.</summary>
    static abstract float Sum(T value);

    /// <summary>Largest lane; NaN if any lane is NaN.</summary>
    static abstract float Max(T value);

    /// <summary>Adds the lanes' squares, which are exact in float64, to sixteen float64 lanes in memory.</summary>
    static abstract void AddSquares(T value, double* lanes);
}
