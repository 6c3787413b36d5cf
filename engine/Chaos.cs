namespace Coordinator.Engine;

/// <summary>Carries out <see cref="ChaosOptions"/>. Held messages come back at random moments, at the latest when nothing else is ready.</summary>
internal sealed class Chaos(ChaosOptions options)
{
    private readonly List<Envelope> held = [];
    private ulong state = options.Seed;

    /// <summary>Messages that were overtaken and have yet to arrive.</summary>
    public int Held => held.Count;

    /// <summary>Puts a message into <paramref name="ready"/>: never, once or twice, now or later.</summary>
    public void Route(Envelope envelope, Queue<Envelope> ready)
    {
        if (Happens(0.25) && TryRelease(out var late))
            ready.Enqueue(late);
        if (Happens(options.Loss))
            return;
        var copies = Happens(options.Repeat) ? 2 : 1;
        for (var copy = 0; copy < copies; copy++)
        {
            if (Happens(options.Reorder))
                held.Add(envelope);
            else
                ready.Enqueue(envelope);
        }
    }

    /// <summary>Takes one of the held messages, any of them.</summary>
    public bool TryRelease(out Envelope envelope)
    {
        envelope = default;
        if (held.Count == 0)
            return false;
        var index = (int)(Next() % (ulong)held.Count);
        envelope = held[index];
        held[index] = held[^1];
        held.RemoveAt(held.Count - 1);
        return true;
    }

    private bool Happens(double probability) => (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    // SplitMix64: a counter and a mixing function, so that a seed alone fixes the sequence on every machine.
    private ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
