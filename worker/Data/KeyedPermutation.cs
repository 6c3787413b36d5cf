namespace Coordinator.Worker.Data;

/// <summary>
/// A pseudo-random permutation of 0 to count - 1 that is computed, not stored: any element in constant time and memory,
/// the same on every machine. It is a Feistel network over the smallest even number of bits that holds the domain
/// (M. Luby, C. Rackoff, SIAM J. Comput. 17(2), 1988), with cycle walking: a value outside the domain is permuted
/// again until it falls inside (J. Black, P. Rogaway, CT-RSA 2002, section 3). Not for secrets.
/// </summary>
internal readonly struct KeyedPermutation
{
    // Luby and Rackoff need four ideal rounds; eight make up for a mixing function that is only good, not ideal.
    private const int Rounds = 8;

    // Below 64 elements a network has too few distinct round functions; the walk is still short from here.
    private const int SmallestHalfBits = 3;

    private readonly ulong count;
    private readonly ulong key;
    private readonly int halfBits;

    /// <param name="count">Size of the domain, 1 to 2^62.</param>
    /// <param name="key">Chooses the permutation.</param>
    public KeyedPermutation(long count, ulong key)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 1L << 62);
        this.count = (ulong)count;
        this.key = key;
        halfBits = SmallestHalfBits;
        while (1UL << (2 * halfBits) < this.count)
            halfBits++;
    }

    /// <summary>The image of <paramref name="index"/>.</summary>
    public long Apply(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)index, count, nameof(index));
        var value = (ulong)index;
        do
        {
            value = Encrypt(value);
        }
        while (value >= count);
        return (long)value;
    }

    private ulong Encrypt(ulong value)
    {
        var mask = (1UL << halfBits) - 1;
        var left = value >> halfBits;
        var right = value & mask;
        for (var round = 1; round <= Rounds; round++)
        {
            var mixed = BitMixer.Mix(right ^ BitMixer.Mix(key + ((ulong)round * BitMixer.Golden)));
            (left, right) = (right, left ^ (mixed & mask));
        }

        return (left << halfBits) | right;
    }
}
