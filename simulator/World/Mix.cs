namespace Coordinator.Simulator.World;

/// <summary>Fixed mixing functions: equal on every machine and in every process, unlike the runtime's own hashes.</summary>
internal static class Mix
{
    /// <summary>Finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.</summary>
    public static ulong Scramble(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    /// <summary>Neither commutative nor associative, so that a sum in another order or grouping shows.</summary>
    public static ulong Pair(ulong left, ulong right) => Scramble(Scramble(left) + (right * 3));

    /// <summary>FNV-1a over UTF-16 units.</summary>
    public static ulong Text(string text)
    {
        var hash = 0xCBF29CE484222325;
        foreach (var c in text)
            hash = (hash ^ c) * 0x100000001B3;
        return hash;
    }
}
