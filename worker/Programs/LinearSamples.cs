using Coordinator.Machines.Jobs;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>The linear program's synthetic samples. Not thread-safe.</summary>
internal sealed class LinearSamples
{
    private readonly ulong seed;
    private readonly float[] truth;
    private readonly float[] numbers;

    public LinearSamples(JobSpec spec)
    {
        seed = spec.Training.Seed;
        truth = new float[spec.Model.Channels];
        new RandomStream(seed, RandomUse.SyntheticTruth, 0).FillNormal(truth, 1);

        // Inputs and noise come in whole pairs.
        numbers = new float[spec.Model.Channels + 2];
    }

    /// <summary>
    /// Overwrites <paramref name="x"/> [inputs] with sample <paramref name="position"/>'s inputs and returns its y. Pairs of one sample are
    /// rows of the stream, the position is the index: the sample is a function of (seed, position).
    /// </summary>
    public float Draw(long position, Span<float> x)
    {
        var inputs = truth.Length;
        RandomStream stream = new(seed, RandomUse.SyntheticData, 0);
        for (var i = 0; i <= inputs; i += 2)
        {
            var (first, second) = stream.NormalPair((ulong)position, (uint)i / 2);
            (numbers[i], numbers[i + 1]) = ((float)first, (float)second);
        }

        numbers.AsSpan(0, inputs).CopyTo(x);
        var y = MathF.FusedMultiplyAdd(numbers[inputs], 0.1f, 0.5f);
        for (var i = 0; i < inputs; i++) y = MathF.FusedMultiplyAdd(truth[i], numbers[i], y);
        return y;
    }
}
