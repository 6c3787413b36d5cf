using Coordinator.Programs;

/// <summary>A network of one hidden layer that guesses a table's last column from the others, by the squared error.</summary>
public sealed class Mlp : TrainingProgram
{
    private readonly int columns, inputs, hidden;
    private readonly Tensor weights, biases, outWeights, outBias;
    private float[] activations = [], errors = [];

    public Mlp(ProgramJob job)
    {
        columns = job.NeedColumns(least: 2);
        inputs = columns - 1;
        hidden = job.Settings.Int("hidden", 16, least: 1, most: 4096);
        weights = Normal("hidden.weight", Math.Sqrt(2.0 / inputs), inputs, hidden);
        biases = Zeros("hidden.bias", hidden);
        outWeights = Normal("out.weight", Math.Sqrt(1.0 / hidden), hidden, 1);
        outBias = Zeros("out.bias", 1);
    }

    public override Samples Samples => Samples.Rows;

    public override PassResult Compute(Pass pass)
    {
        var (kernels, count) = (pass.Kernels, pass.Count);
        ReadOnlySpan<float> p = pass.Parameters, rows = pass.Rows;
        if (activations.Length < count * hidden)
            (activations, errors) = (new float[count * hidden], new float[count]);
        Span<float> g = pass.Gradient, h = activations.AsSpan(0, count * hidden), e = errors.AsSpan(0, count);

        // Forward: h = relu(x W + b), guess = h w + c. A row is its inputs and then the number to be guessed.
        kernels.MatMul(false, false, count, hidden, inputs, rows, columns, weights.Of(p), hidden, h, hidden, accumulate: false);
        kernels.AddRow(h, biases.Of(p), h, count, hidden);
        for (var i = 0; i < h.Length; i++)
            h[i] = MathF.Max(h[i], 0);
        kernels.MatMul(false, false, count, 1, hidden, h, hidden, outWeights.Of(p), 1, e, 1, accumulate: false);
        var loss = 0.0;
        for (var s = 0; s < count; s++)
        {
            var error = e[s] + outBias.Of(p)[0] - rows[(s * columns) + inputs];
            loss += (double)error * error;
            e[s] = 2 * error;
        }

        // Backward, each sum added to what earlier passes of the shard have left where there were any.
        kernels.MatMul(true, false, hidden, 1, count, h, hidden, e, 1, outWeights.Of(g), 1, pass.Accumulate);
        kernels.ColumnSums(e, count, 1, outBias.Of(g), pass.Accumulate);
        for (var i = 0; i < h.Length; i++)
            h[i] = h[i] > 0 ? e[i / hidden] * outWeights.Of(p)[i % hidden] : 0;
        kernels.MatMul(true, false, inputs, hidden, count, rows, columns, h, hidden, weights.Of(g), hidden, pass.Accumulate);
        kernels.ColumnSums(h, count, hidden, biases.Of(g), pass.Accumulate);
        return new PassResult(loss, count);
    }
}
