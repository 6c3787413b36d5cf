namespace Coordinator.Worker.Ilgpu.Numerics;

/// <summary>
/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) in the form of a kernel: the
/// words of <see cref="Coordinator.Worker.Numerics.Philox"/>.
/// </summary>
internal static class DevicePhilox
{
    /// <summary>Word <paramref name="index"/>, 0 to 3, of the counter (c0 to c3) under <paramref name="key"/>.</summary>
    public static uint Word(ulong key, uint c0, uint c1, uint c2, uint c3, int index)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (var round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53UL * c0, p1 = 0xCD9E8D57UL * c2;
            uint next0 = (uint)(p1 >> 32) ^ c1 ^ k0, next2 = (uint)(p0 >> 32) ^ c3 ^ k1;
            c1 = (uint)p1;
            c3 = (uint)p0;
            c0 = next0;
            c2 = next2;
            k0 = unchecked(k0 + 0x9E3779B9);
            k1 = unchecked(k1 + 0xBB67AE85);
        }

        uint low = index == 0 ? c0 : c1, high = index == 2 ? c2 : c3;
        return index < 2 ? low : high;
    }
}
