using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// Dropout keyed by (seed, sample position, layer and place, element), so that a sample loses the same activations wherever
/// and however often it is computed. A kept activation is divided by 1 - p (inverted dropout).
/// </summary>
/// <param name="Seed">The job's seed.</param>
/// <param name="Probability">Probability p of dropping, 0 to less than 1; 0 leaves everything as it is.</param>
/// <param name="FirstPosition">Sample position of the micro-batch's first sequence.</param>
/// <param name="Place">Layer * 4 + place in the layer.</param>
internal readonly record struct DropoutPlan(ulong Seed, double Probability, long FirstPosition, uint Place)
{
    /// <summary>Whether anything is dropped at all.</summary>
    public bool IsActive => Probability > 0;

    /// <summary>
    /// Applies sequence <paramref name="sequence"/>'s mask to <paramref name="values"/> in place, which are its elements from
    /// number <paramref name="firstElement"/> on. The same call masks activations on the way forward and gradients on the way back.
    /// </summary>
    public void Apply(int sequence, long firstElement, Span<float> values)
    {
        if (!IsActive) return;

        // An element is kept when its 32 random bits are at or above p * 2^32.
        var threshold = (uint)Math.Min(Math.Floor(Probability * 4294967296.0), uint.MaxValue);
        var scale = (float)(1 / (1 - Probability));
        var position = (ulong)(FirstPosition + sequence);
        Philox.Words words = default;
        for (var i = 0; i < values.Length; i++)
        {
            var element = firstElement + i;
            var lane = (int)(element & 3);
            if (i == 0 || lane == 0) words = Draw(position, (uint)(element >> 2));
            values[i] = words[lane] >= threshold ? values[i] * scale : 0f;
        }
    }

    // The position takes two words of the counter; a sequence has fewer than 2^34 elements at one place.
    private Philox.Words Draw(ulong position, uint group) =>
        new RandomStream(Seed, RandomUse.Dropout, Place).Words(position, group);
}
