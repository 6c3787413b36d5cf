using Coordinator.Runs.Faults;

namespace Coordinator.Decoders;

/// <summary>What inputs are made of, drawn from a seed.</summary>
public sealed class Dice(ulong seed)
{
    private static readonly long[] Corners =
        [0, 1, -1, 2, int.MaxValue, int.MinValue, (long)int.MaxValue
            + 1, uint.MaxValue, long.MaxValue, long.MinValue, long.MaxValue - 1, 1L << 40, 255, 256, 65535, 65536];

    private readonly SeededDraw draw = new(seed);

    /// <summary>64 uniform bits.</summary>
    public ulong Next() => draw.Next();

    /// <summary>Uniform in 0 to <paramref name="count"/> - 1.</summary>
    public int Below(int count) => (int)(Next() % (ulong)count);

    /// <summary>Whether one of <paramref name="count"/> equal chances came true.</summary>
    public bool OneIn(int count) => Below(count) == 0;

    /// <summary>One of several.</summary>
    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>Numbers where programs go wrong.</summary>
    public long Corner() => Of(Corners);

    /// <summary>Uniform bytes.</summary>
    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = (byte)Next();
        return bytes;
    }
}
