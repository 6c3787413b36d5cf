using Coordinator.Machines.Jobs;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>Forward and backward pass of the GPT over one micro-batch, in terms of the kernels. Holds no parameters.</summary>
internal sealed unsafe class GptModel : IDisposable
{
    private readonly ModelSpec model;
    private readonly ulong seed;
    private readonly bool training;
    private readonly IKernels kernels;
    private readonly GptWeights weights;
    private GptActivations? activations;

    /// <summary>A model that owns its activations, not its kernels.</summary>
    /// <param name="model">Its shape.</param>
    /// <param name="seed">Seed of dropout.</param>
    /// <param name="training">Whether backward passes follow, and dropout acts.</param>
    /// <param name="kernels">What computes.</param>
    public GptModel(ModelSpec model, ulong seed, bool training, IKernels kernels)
    {
        (this.model, this.seed, this.training, this.kernels) = (model, seed, training, kernels);
        weights = new GptWeights(GptProgram.LayoutOf(model), model.Layers);
    }

    /// <summary>Final norm's output of the last forward pass, [B, T, C].</summary>
    public float* Normed => activations!.Normed;

    /// <summary>Room for the logits, [B, T, V].</summary>
    public float* Logits => activations!.Logits;

    /// <summary>
    /// Runs <paramref name="batch"/> sequences of <paramref name="time"/> tokens up to the final norm.
    /// </summary>
    /// <param name="p">Parameters, in the layout's order.</param>
    /// <param name="tokens">[batch, time]</param>
    /// <param name="batch">B</param>
    /// <param name="time">T, 1 to the model's block.</param>
    /// <param name="firstPosition">Sample position of the first sequence, for dropout.</param>
    /// <param name="cancel">Seen at each layer.</param>
    public void Forward(float* p, int* tokens, int batch, int time, long firstPosition, CancellationToken cancel)
    {
        var c = model.Channels;
        var a = Activations(batch, time);
        var rows = batch * time;
        AttentionShape shape = new(batch, time, c, model.Heads);

        var stream = a.Layers[0].Input;
        for (var r = 0; r < rows; r++)
        {
            float* word = p + weights.TokenEmbedding + (long)tokens[r] * c, place = p + weights.PositionEmbedding + (long)(r % time) * c;
            kernels.AddRow(word, place, stream + (long)r * c, 1, c);
        }

        Drop(stream, batch, (long)time * c, Dropout(firstPosition, 0, 0));
        for (var i = 0; i < model.Layers; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var w = weights.Layers[i];
            var l = a.Layers[i];
            var next = i + 1 < model.Layers ? a.Layers[i + 1].Input : a.Output;

            kernels.LayerNorm(l.Input, p + w.Norm1, p + w.Norm1Bias, l.Norm1, l.Mean1, l.Rstd1, rows, c);
            Linear(l.Norm1, p + w.Attention, p + w.AttentionBias, l.Qkv, rows, c, 3 * c);
            kernels.Attention(l.Qkv, l.Probabilities, l.Attended, shape, Dropout(firstPosition, i, 1));
            ResidualLinear(
                l.Input, l.Attended, p + w.Projection, p + w.ProjectionBias, l.Middle, batch, time, c, c, Dropout(firstPosition, i, 2));

            kernels.LayerNorm(l.Middle, p + w.Norm2, p + w.Norm2Bias, l.Norm2, l.Mean2, l.Rstd2, rows, c);
            Linear(l.Norm2, p + w.Expand, p + w.ExpandBias, l.Expanded, rows, c, 4 * c);
            kernels.Gelu(l.Expanded, l.Activated, (long)rows * 4 * c);
            ResidualLinear(
                l.Middle, l.Activated, p + w.Contract, p + w.ContractBias, next, batch, time, 4 * c, c, Dropout(firstPosition, i, 3));
        }

        kernels.LayerNorm(a.Output, p + weights.FinalNorm, p + weights.FinalNormBias, a.Normed, a.NormedMean, a.NormedRstd, rows, c);
    }

    /// <summary>Cross-entropy summed over all rows of the last forward pass; leaves its gradient in <see cref="Logits"/>.</summary>
    /// <param name="p">Parameters.</param>
    /// <param name="targets">[B, T]</param>
    /// <param name="rows">B T</param>
    public double Loss(float* p, int* targets, int rows)
    {
        var (c, v) = (model.Channels, model.Vocab);
        kernels.MatMul(false, true, rows, v, c, Normed, c, p + weights.TokenEmbedding, c, Logits, v, false);
        return kernels.CrossEntropy(Logits, targets, rows, v);
    }

    /// <summary>
    /// Gradient of the last <see cref="Loss"/> with respect to all parameters: overwrites <paramref name="g"/>, or adds to it.
    /// </summary>
    public void Backward(
        float* p, float* g, int* tokens, int batch, int time, long firstPosition, bool accumulate, CancellationToken cancel)
    {
        var (c, v) = (model.Channels, model.Vocab);
        var a = activations!;
        var rows = batch * time;
        AttentionShape shape = new(batch, time, c, model.Heads);

        kernels.MatMul(true, false, v, c, rows, a.Logits, v, a.Normed, c, g + weights.TokenEmbedding, c, accumulate);
        kernels.MatMul(false, false, rows, c, v, a.Logits, v, p + weights.TokenEmbedding, c, a.DNarrow, c, false);
        new Span<float>(a.DStream, rows * c).Clear();
        kernels.LayerNormBackward(
            a.DNarrow, a.Output, p + weights.FinalNorm, a.NormedMean, a.NormedRstd, a.DStream,
            g + weights.FinalNorm, g + weights.FinalNormBias, rows, c, accumulate);

        for (var i = model.Layers - 1; i >= 0; i--)
        {
            cancel.ThrowIfCancellationRequested();
            var w = weights.Layers[i];
            var l = a.Layers[i];

            var d = Masked(a, batch, time, Dropout(firstPosition, i, 3));
            LinearBackward(l.Activated, p + w.Contract, d, a.DWide, g + w.Contract, g + w.ContractBias, rows, 4 * c, c, accumulate);
            kernels.GeluBackward(l.Expanded, a.DWide, (long)rows * 4 * c);
            LinearBackward(l.Norm2, p + w.Expand, a.DWide, a.DNarrow, g + w.Expand, g + w.ExpandBias, rows, c, 4 * c, accumulate);
            kernels.LayerNormBackward(
                a.DNarrow, l.Middle, p + w.Norm2, l.Mean2, l.Rstd2, a.DStream, g + w.Norm2, g + w.Norm2Bias, rows, c, accumulate);

            d = Masked(a, batch, time, Dropout(firstPosition, i, 2));
            LinearBackward(l.Attended, p + w.Projection, d, a.DNarrow, g + w.Projection, g + w.ProjectionBias, rows, c, c, accumulate);
            kernels.AttentionBackward(l.Qkv, l.Probabilities, a.DNarrow, a.DWide, shape, Dropout(firstPosition, i, 1));
            LinearBackward(l.Norm1, p + w.Attention, a.DWide, a.DNarrow, g + w.Attention, g + w.AttentionBias, rows, c, 3 * c, accumulate);
            kernels.LayerNormBackward(
                a.DNarrow, l.Input, p + w.Norm1, l.Mean1, l.Rstd1, a.DStream, g + w.Norm1, g + w.Norm1Bias, rows, c, accumulate);
        }

        Drop(a.DStream, batch, (long)time * c, Dropout(firstPosition, 0, 0));
        EmbeddingBackward(g, a.DStream, tokens, rows, time, accumulate);
    }

    /// <summary>Logits of one row of the last forward pass, [V]: for generation, which needs the last row only.</summary>
    public ReadOnlySpan<float> LogitsOfRow(float* p, int row)
    {
        var (c, v) = (model.Channels, model.Vocab);
        kernels.MatMul(false, true, 1, v, c, Normed + (long)row * c, c, p + weights.TokenEmbedding, c, Logits, v, false);
        return new ReadOnlySpan<float>(Logits, v);
    }

    public void Dispose() => activations?.Dispose();

    // Position rows by sequences in rising order; token rows after the head's gradient, in rising order of rows.
    private void EmbeddingBackward(float* g, float* d, int* tokens, int rows, int time, bool accumulate)
    {
        var c = model.Channels;
        var positions = g + weights.PositionEmbedding;
        if (!accumulate) new Span<float>(positions, model.Block * c).Clear();
        for (var first = 0; first < rows; first += time) kernels.Add(positions, d + (long)first * c, (long)time * c);
        for (var r = 0; r < rows; r++) kernels.Add(g + weights.TokenEmbedding + (long)tokens[r] * c, d + (long)r * c, c);
    }

    // y[N, out] = bias + x[N, in] w[in, out], the bias first.
    private void Linear(float* x, float* w, float* bias, float* y, int rows, int inputs, int outputs)
    {
        kernels.AddRow(null, bias, y, rows, outputs);
        kernels.MatMul(false, false, rows, outputs, inputs, x, inputs, w, outputs, y, outputs, true);
    }

    // y = residual + dropout(bias + x w); without dropout (residual + bias) + x w.
    private void ResidualLinear(
        float* residual, float* x, float* w, float* bias, float* y, int batch, int time, int inputs, int outputs, DropoutPlan dropout)
    {
        var rows = batch * time;
        if (!dropout.IsActive)
        {
            kernels.AddRow(residual, bias, y, rows, outputs);
            kernels.MatMul(false, false, rows, outputs, inputs, x, inputs, w, outputs, y, outputs, true);
            return;
        }

        var aside = activations!.DMasked;
        Linear(x, w, bias, aside, rows, inputs, outputs);
        Drop(aside, batch, (long)time * outputs, dropout);
        if (y != residual) Buffer.MemoryCopy(residual, y, (long)rows * outputs * sizeof(float), (long)rows * outputs * sizeof(float));
        kernels.Add(y, aside, (long)rows * outputs);
    }

    // dx = dy w' (overwritten); dw = x' dy and dbias = column sums of dy (overwritten or added to).
    private void LinearBackward(
        float* x, float* w, float* dy, float* dx, float* dw, float* dbias, int rows, int inputs, int outputs, bool accumulate)
    {
        kernels.MatMul(true, false, inputs, outputs, rows, x, inputs, dy, outputs, dw, outputs, accumulate);
        kernels.ColumnSums(dy, rows, outputs, dbias, accumulate);
        kernels.MatMul(false, true, rows, inputs, outputs, dy, outputs, w, outputs, dx, inputs, false);
    }

    // The residual stream's gradient as it enters a branch: the branch's dropout applied to a copy.
    private float* Masked(GptActivations a, int batch, int time, DropoutPlan dropout)
    {
        if (!dropout.IsActive) return a.DStream;
        var count = (long)batch * time * model.Channels;
        Buffer.MemoryCopy(a.DStream, a.DMasked, count * sizeof(float), count * sizeof(float));
        Drop(a.DMasked, batch, (long)time * model.Channels, dropout);
        return a.DMasked;
    }

    private static void Drop(float* x, int batch, long lengthOfSequence, DropoutPlan dropout)
    {
        if (!dropout.IsActive) return;
        for (var b = 0; b < batch; b++) dropout.Apply(b, 0, new Span<float>(x + b * lengthOfSequence, (int)lengthOfSequence));
    }

    private DropoutPlan Dropout(long firstPosition, int layer, int place) =>
        new(seed, training ? model.Dropout : 0, firstPosition, (uint)(layer * 4 + place));

    private GptActivations Activations(int batch, int time)
    {
        // Sized for whole blocks, so that a text that grows by a token at a time finds room.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(time, model.Block);
        if (activations is { } held && held.Rows >= batch * model.Block) return held;
        activations?.Dispose();
        return activations = new GptActivations(model, batch, model.Block, training);
    }
}
