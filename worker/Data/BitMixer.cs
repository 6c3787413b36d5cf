namespace Coordinator.Worker.Data;

/// <summary>Turns small, regular numbers into keys. Integer arithmetic only, so the same everywhere.</summary>
internal static class BitMixer
{
    /// <summary>2^64 divided by the golden ratio, odd: steps of it visit all 64-bit numbers, far apart.</summary>
    public const ulong Golden = 0x9E3779B97F4A7C15;

    /// <summary>
    /// SplitMix64's finalizer, a bijection (G. Steele, D. Lea, C. Flood, OOPSLA 2014; constants: D. Stafford's variant 13).
    /// </summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    /// <summary>A key from a seed, a purpose and a number; each of the three matters in full.</summary>
    public static ulong Key(ulong seed, ulong purpose, ulong number) =>
        Mix(Mix(Mix(seed + Golden) ^ (purpose * Golden)) + Mix(number ^ Golden));
}
