namespace Coordinator.Worker.Agent;

/// <summary>
/// Waiting times between attempts: 50 ms, doubling up to 2 s, each shortened by up to half at random, so that workers which lost
/// their silo together do not come back together. The randomness is its own, seeded, and has nothing to do with training.
/// </summary>
public sealed class Backoff(long seed)
{
    /// <summary>The first wait, before jitter.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest wait, before jitter.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    private ulong state = ((ulong)seed * 0x9E3779B97F4A7C15) | 1;
    private TimeSpan next = First;

    /// <summary>The next wait.</summary>
    public TimeSpan Next()
    {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        var unit = ((state * 0x2545F4914F6CDD1D) >> 11) * (1.0 / (1UL << 53));
        var wait = next * (0.5 + (0.5 * unit));
        next = next * 2 < Longest ? next * 2 : Longest;
        return wait;
    }

    /// <summary>An attempt succeeded: the next series begins anew.</summary>
    public void Reset() => next = First;
}
