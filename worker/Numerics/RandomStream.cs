namespace Coordinator.Worker.Numerics;

/// <summary>
/// What a random number is for. It goes into the counter, so that two uses under one seed never share numbers.
/// The values decide the bits of trained models: never change or reuse one.
/// </summary>
public enum RandomUse : uint
{
    /// <summary>First values of the parameters.</summary>
    Initialisation = 0x1000_0000,

    /// <summary>Dropout masks; the layer and the place in it are added.</summary>
    Dropout = 0x2000_0000,

    /// <summary>Synthetic samples of the linear program.</summary>
    SyntheticData = 0x3000_0000,

    /// <summary>Weights that the linear program is to find again.</summary>
    SyntheticTruth = 0x4000_0000,

    /// <summary>Choices in text generation.</summary>
    Generation = 0x6000_0000,
}

/// <summary>A keyed, stateless sequence of random numbers: a seed, a use, and a number within the use (a tensor, a layer).</summary>
/// <param name="Seed">The job's seed.</param>
/// <param name="Use">What the numbers are for.</param>
/// <param name="Part">A number within the use, below 2^28.</param>
public readonly record struct RandomStream(ulong Seed, RandomUse Use, uint Part)
{
    /// <summary>Four words, number <paramref name="index"/> of sequence <paramref name="row"/>.</summary>
    public Philox.Words Words(ulong index, uint row = 0) =>
        Philox.Draw(Seed, (uint)index, (uint)(index >> 32), row, (uint)Use + Part);

    /// <summary>A float64 of 52 random bits, above 0 and below 1.</summary>
    public double Uniform(ulong index)
    {
        var words = Words(index);
        return Uniform(words.W0, words.W1);
    }

    /// <summary>
    /// Fills <paramref name="destination"/> with normal numbers of mean 0; element i depends on the stream and on i alone.
    /// </summary>
    public void FillNormal(Span<float> destination, double deviation)
    {
        for (var i = 0; i < destination.Length; i += 2)
        {
            var (first, second) = NormalPair((ulong)i / 2);
            destination[i] = (float)(first * deviation);
            if (i + 1 < destination.Length) destination[i + 1] = (float)(second * deviation);
        }
    }

    /// <summary>Two independent normal numbers of mean 0 and deviation 1 (Box and Muller, 1958).</summary>
    public (double First, double Second) NormalPair(ulong index, uint row = 0)
    {
        var words = Words(index, row);
        var radius = Math.Sqrt(-2 * DoubleMath.Log(Uniform(words.W0, words.W1)));
        var (sin, cos) = DoubleMath.SinCosTurns(Uniform(words.W2, words.W3));
        return (radius * cos, radius * sin);
    }

    private static double Uniform(uint high, uint low) =>
        ((((ulong)high << 32) | low) >> 12) * (1.0 / (1L << 52)) + 1.0 / (1L << 53);
}
