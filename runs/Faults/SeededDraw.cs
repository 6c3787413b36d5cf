namespace Coordinator.Runs.Faults;

/// <summary>Draws from a seed that are the same on every machine and version of .NET (SplitMix64, Steele, Lea and Flood 2014).</summary>
public sealed class SeededDraw(ulong seed)
{
    private ulong state = seed;

    /// <summary>64 uniform bits.</summary>
    public ulong Next()
    {
        var mixed = state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Fraction() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0 to <paramref name="count"/> - 1.</summary>
    public int Below(int count) => (int)(Fraction() * count);

    /// <summary>The numbers 0 to <paramref name="count"/> - 1 in a drawn order.</summary>
    public int[] Order(int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        for (var index = count - 1; index > 0; index--)
        {
            var other = Below(index + 1);
            (order[index], order[other]) = (order[other], order[index]);
        }

        return order;
    }
}
