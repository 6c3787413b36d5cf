using Coordinator.Machines.Jobs;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>The linear program's synthetic samples. Not thread-safe.</summary>
internal sealed class LinearSamples
{
    private readonly ulong _seed;
    private readonly float[] _truth;
    private readonly float[] _numbers;

    public LinearSamples(JobSpec spec)
    {
        _seed = spec.Training.Seed;
        _truth = new float[spec.Model.Channels];
        new RandomStream(_seed, RandomUse.SyntheticTruth, 0).FillNormal(_truth, 1);

        // Inputs and noise come in whole pairs.
        _numbers = new float[spec.Model.Channels + 2];
    }

    /// <summary>
    /// Overwrites <paramref name="x"/> [inputs] with sample <paramref name="position"/>'s inputs and returns its y. Pairs of one sample are
    /// rows of the stream, the position is the index: the sample is a function of (seed, position).
    /// </summary>
    public float Draw(long position, Span<float> x)
    {
        int inputs = _truth.Length;
        RandomStream stream = new(_seed, RandomUse.SyntheticData, 0);
        for (int i = 0; i <= inputs; i += 2)
        {
            (double first, double second) = stream.NormalPair((ulong)position, (uint)i / 2);
            (_numbers[i], _numbers[i + 1]) = ((float)first, (float)second);
        }

        _numbers.AsSpan(0, inputs).CopyTo(x);
        float y = MathF.FusedMultiplyAdd(_numbers[inputs], 0.1f, 0.5f);
        for (int i = 0; i < inputs; i++) y = MathF.FusedMultiplyAdd(_truth[i], _numbers[i], y);
        return y;
    }
}
