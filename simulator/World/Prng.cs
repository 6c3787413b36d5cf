using System.Numerics;

namespace Coordinator.Simulator.World;

/// <summary>
/// xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64. Each concern draws from a stream of its own, so that one more
/// draw of the network does not move the faults.
/// </summary>
public sealed class Prng
{
    private ulong s0, s1, s2, s3;

    public Prng(ulong seed)
    {
        s0 = Mix.Scramble(seed);
        s1 = Mix.Scramble(s0 + 1);
        s2 = Mix.Scramble(s1 + 2);
        s3 = Mix.Scramble(s2 + 3);
    }

    /// <summary>The stream of that name under a root seed.</summary>
    public static Prng Derive(ulong rootSeed, string stream) => new(Mix.Pair(rootSeed, Mix.Text(stream)));

    public ulong Next()
    {
        var result = BitOperations.RotateLeft(s1 * 5, 7) * 9;
        var t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = BitOperations.RotateLeft(s3, 45);
        return result;
    }

    /// <summary>0 to <paramref name="count"/> - 1. The bias of the multiplication (below 2^-32) does not matter here.</summary>
    public int Below(int count) => (int)(((Next() >> 32) * (ulong)count) >> 32);

    /// <summary><paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    /// <summary>0 to less than 1.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with the given probability; draws nothing where it is 0, so that a disabled fault moves no other.</summary>
    public bool Chance(double probability) => probability > 0 && Unit() < probability;

    /// <summary>A duration from <paramref name="low"/> to <paramref name="high"/>.</summary>
    public TimeSpan Between(TimeSpan low, TimeSpan high) => low + TimeSpan.FromTicks((long)(Unit() * (high - low).Ticks));

    /// <summary>One of the items.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];
}
