using Coordinator.Machines.Jobs;
using Coordinator.Programs;

namespace Coordinator.Worker.Programs;

/// <summary>
/// Linear regression on synthetic data: C weights and a bias, to be found again from noisy samples. So small that thousands of
/// ranks fit in one process. Sample p: x is C normal numbers, y = truth . x + 0.5 + 0.1 noise, all keyed by (seed, p);
/// loss (w . x + b - y)^2, one target a sample.
/// </summary>
public sealed class LinearProgram : TrainingProgram
{
    private readonly LinearSamples samples;
    private readonly float[] x;

    internal LinearProgram(JobSpec spec)
    {
        Zeros("weight", 1, spec.Model.Channels);
        Zeros("bias", 1);
        samples = new LinearSamples(spec);
        x = new float[spec.Model.Channels];
    }

    // Sums over inputs in rising order with fused multiply-add; samples in rising order.
    /// <inheritdoc/>
    public override PassResult Compute(Pass pass)
    {
        var inputs = x.Length;
        var parameters = pass.Parameters;
        var gradient = pass.Gradient;
        if (!pass.Accumulate) gradient.Clear();
        double loss = 0;
        for (var s = 0; s < pass.Count; s++)
        {
            float y = samples.Draw(pass.FirstPosition + s, x), guess = parameters[inputs];
            for (var i = 0; i < inputs; i++) guess = MathF.FusedMultiplyAdd(parameters[i], x[i], guess);
            var error = guess - y;
            loss += (double)error * error;
            for (var i = 0; i < inputs; i++) gradient[i] = MathF.FusedMultiplyAdd(2 * error, x[i], gradient[i]);
            gradient[inputs] += 2 * error;
        }

        return new PassResult(loss, pass.Count);
    }
}
