using System.Numerics;

namespace Coordinator.Worker.Numerics;

/// <summary>
/// A pseudo-random order of 0 to n - 1 that is computed place by place, with no table: any rank finds the sample at any
/// position without shuffling anything. A balanced Feistel network of eight rounds over the smallest even number of bits
/// that holds n; a value outside the range is sent through again until it falls inside (cycle walking: Black and Rogaway,
/// "Ciphers with arbitrary finite domains", CT-RSA 2002). The domain is less than 4n, so that takes fewer than 4 walks on average.
/// </summary>
public readonly struct KeyedPermutation
{
    private const int Rounds = 8;
    private readonly RandomStream _stream;
    private readonly long _count;
    private readonly int _halfBits;

    /// <summary>The order that belongs to <paramref name="key"/>, which holds the seed and the epoch.</summary>
    /// <param name="key">Equal keys give equal orders.</param>
    /// <param name="n">Length of the range, 1 to 2^62.</param>
    public KeyedPermutation(ulong key, long n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, 1L << 62);
        _stream = new RandomStream(key, RandomUse.Permutation, 0);
        _count = n;
        int bits = 64 - BitOperations.LeadingZeroCount((ulong)(n - 1));
        _halfBits = Math.Max(1, (bits + 1) / 2);
    }

    /// <summary>The value at place <paramref name="i"/>, 0 to n - 1: one-to-one.</summary>
    public long Map(long i)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(i);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(i, _count);
        ulong value = (ulong)i;
        do value = Encrypt(value); while (value >= (ulong)_count);
        return (long)value;
    }

    private ulong Encrypt(ulong value)
    {
        uint mask = (uint)((1UL << _halfBits) - 1);
        uint left = (uint)(value >> _halfBits) & mask, right = (uint)value & mask;
        for (uint round = 0; round < Rounds; round++)
        {
            (left, right) = (right, left ^ (_stream.Words(right, round).W0 & mask));
        }

        return ((ulong)left << _halfBits) | right;
    }
}
