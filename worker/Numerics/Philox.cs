namespace Coordinator.Worker.Numerics;

/// <summary>
/// Philox4x32-10: four random words that are a function of a 64-bit key and a 128-bit counter, with no state between calls.
/// So element i of a tensor, or the dropout of one activation of one sample, has the same value on whatever rank, in
/// whatever order it is drawn. Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
/// </summary>
public static class Philox
{
    /// <summary>The four words of one counter.</summary>
    public readonly record struct Words(uint W0, uint W1, uint W2, uint W3)
    {
        /// <summary>Word <paramref name="index"/>, 0 to 3.</summary>
        public uint this[int index] => index switch { 0 => W0, 1 => W1, 2 => W2, _ => W3 };
    }

    /// <summary>Ten rounds over the counter (c0 to c3) under <paramref name="key"/> (low word first).</summary>
    public static Words Draw(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (var round = 0; round < 10; round++)
        {
            var p0 = (ulong)0xD2511F53 * c0;
            var p1 = (ulong)0xCD9E8D57 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            unchecked
            {
                k0 += 0x9E3779B9;
                k1 += 0xBB67AE85;
            }
        }

        return new Words(c0, c1, c2, c3);
    }
}
