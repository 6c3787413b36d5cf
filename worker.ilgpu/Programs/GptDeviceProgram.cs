using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>
/// Forward and backward pass of the GPT over micro-batches, in terms of the device's kernels. It follows the CPU's pass over the same
/// layout; sums are taken in an order of their own, so the bits are those of another device class.
/// </summary>
internal sealed class GptDeviceProgram : IDeviceProgram
{
    private readonly ModelSpec model;
    private readonly ulong seed;
    private readonly AcceleratorStream stream;
    private readonly DeviceKernels kernels;
    private readonly GptWeights weights;
    private readonly ShardTokens tokens;
    private readonly GptDeviceActivations activations;
    private readonly LossSum loss;
    private long firstPosition;

    public GptDeviceProgram(JobSpec spec, ISampleSource samples, Accelerator accelerator, AcceleratorStream stream, DeviceKernels kernels)
    {
        (model, seed, this.stream, this.kernels) = (spec.Model, spec.Training.Seed, stream, kernels);
        weights = new GptWeights(GptProgram.LayoutOf(spec.Model), spec.Model.Layers);
        var maxSamples = (spec.Training.BatchSize + spec.Training.Shards - 1) / spec.Training.Shards;
        var batch = Math.Min(spec.Training.MicroBatch, maxSamples);
        tokens = new ShardTokens(accelerator, spec, samples, maxSamples);
        activations = new GptDeviceActivations(accelerator, spec.Model, batch);
        loss = new LossSum(accelerator, stream, kernels, (long)batch * spec.Model.Block);
    }

    public void Begin(long firstPosition, int count)
    {
        this.firstPosition = firstPosition;
        loss.Begin();
        tokens.Load(stream, firstPosition, count);
    }

    public long AddGradient(
        ArrayView<float> parameters, ArrayView<float> gradient, bool accumulate, int first, int count, CancellationToken cancel)
    {
        var rows = count * model.Block;
        var position = firstPosition + first;
        Forward(parameters, first, count, position, cancel);
        Loss(parameters, tokens.Targets(first, rows), rows);
        Backward(parameters, gradient, first, count, position, accumulate, cancel);
        return rows;
    }

    public double TakeLoss() => loss.Take();

    public void Dispose()
    {
        loss.Dispose();
        activations.Dispose();
        tokens.Dispose();
    }

    private void Forward(ArrayView<float> p, int first, int batch, long position, CancellationToken cancel)
    {
        int c = model.Channels, time = model.Block, rows = batch * time;
        var a = activations;
        AttentionShape shape = new(batch, time, c, model.Heads);
        var stream = a.Layers[0].Input.SubView(0, (long)rows * c);
        kernels.Embed(
            tokens.Inputs(first, rows), p.SubView(weights.TokenEmbedding, (long)model.Vocab * c),
            p.SubView(weights.PositionEmbedding, (long)time * c),
            stream, rows, time, c);
        if (Dropout(position, 0, 0) is { IsActive: true } plan) kernels.Dropout(stream, stream, batch, plan);
        for (var i = 0; i < model.Layers; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var w = weights.Layers[i];
            var l = a.Layers[i];
            var next = i + 1 < model.Layers ? a.Layers[i + 1].Input : a.Output;

            kernels.LayerNorm(l.Input, p.SubView(w.Norm1, c), p.SubView(w.Norm1Bias, c), l.Norm1, l.Mean1, l.Rstd1, rows, c);
            Linear(l.Norm1, p, w.Attention, w.AttentionBias, l.Qkv, rows, c, 3 * c);
            kernels.Attention(l.Qkv, l.Attended, l.LogSums, shape, Dropout(position, i, 1));
            ResidualLinear(l.Input, l.Attended, p, w.Projection, w.ProjectionBias, l.Middle, batch, c, Dropout(position, i, 2));

            kernels.LayerNorm(l.Middle, p.SubView(w.Norm2, c), p.SubView(w.Norm2Bias, c), l.Norm2, l.Mean2, l.Rstd2, rows, c);
            Linear(l.Norm2, p, w.Expand, w.ExpandBias, l.Expanded, rows, c, 4 * c);
            kernels.Gelu(l.Expanded.SubView(0, (long)rows * 4 * c), l.Activated.SubView(0, (long)rows * 4 * c));
            ResidualLinear(l.Middle, l.Activated, p, w.Contract, w.ContractBias, next, batch, 4 * c, Dropout(position, i, 3));
        }

        kernels.LayerNorm(
            a.Output, p.SubView(weights.FinalNorm, c), p.SubView(weights.FinalNormBias, c), a.Normed, a.NormedMean, a.NormedRstd, rows, c);
    }

    private void Loss(ArrayView<float> p, ArrayView<int> targets, int rows)
    {
        var (c, v) = (model.Channels, model.Vocab);
        kernels.MatMul(false, true, rows, v, c, activations.Normed, Words(p), activations.Logits);
        kernels.CrossEntropy(activations.Logits, targets, loss.Losses(rows), rows, v);
        loss.Add(rows);
    }

    private void Backward(
        ArrayView<float> p, ArrayView<float> g, int first, int batch, long position, bool accumulate, CancellationToken cancel)
    {
        int c = model.Channels, v = model.Vocab, time = model.Block, rows = batch * time;
        var narrow = (long)rows * c;
        var a = activations;
        AttentionShape shape = new(batch, time, c, model.Heads);
        var words = Words(g);
        kernels.MatMul(true, false, v, c, rows, a.Logits, a.Normed, words, matrix: accumulate ? words : default);
        kernels.MatMul(false, false, rows, c, v, a.Logits, Words(p), a.DNarrow);
        a.DStream.SubView(0, narrow).MemSetToZero(stream);
        NormBackward(p, g, a.Output, weights.FinalNorm, weights.FinalNormBias, a.NormedMean, a.NormedRstd, rows, accumulate);

        for (var i = model.Layers - 1; i >= 0; i--)
        {
            cancel.ThrowIfCancellationRequested();
            var w = weights.Layers[i];
            var l = a.Layers[i];

            LinearBackward(
                l.Activated, p, g, w.Contract, w.ContractBias, Masked(batch, Dropout(position, i, 3)), a.DWide, rows, 4 * c, c, accumulate);
            kernels.GeluBackward(l.Expanded.SubView(0, 4 * narrow), a.DWide.SubView(0, 4 * narrow));
            LinearBackward(l.Norm2, p, g, w.Expand, w.ExpandBias, a.DWide, a.DNarrow, rows, c, 4 * c, accumulate);
            NormBackward(p, g, l.Middle, w.Norm2, w.Norm2Bias, l.Mean2, l.Rstd2, rows, accumulate);

            LinearBackward(
                l.Attended,
                p,
                g,
                w.Projection,
                w.ProjectionBias,
                Masked(batch, Dropout(position, i, 2)),
                a.DNarrow,
                rows,
                c,
                c,
                accumulate);
            kernels.AttentionBackward(l.Qkv, l.Attended, l.LogSums, a.DNarrow, a.Dots, a.DWide, shape, Dropout(position, i, 1));
            LinearBackward(l.Norm1, p, g, w.Attention, w.AttentionBias, a.DWide, a.DNarrow, rows, c, 3 * c, accumulate);
            NormBackward(p, g, l.Input, w.Norm1, w.Norm1Bias, l.Mean1, l.Rstd1, rows, accumulate);
        }

        var d = a.DStream.SubView(0, narrow);
        if (Dropout(position, 0, 0) is { IsActive: true } plan) kernels.Dropout(d, d, batch, plan);
        kernels.EmbedBackwardPlaces(d, g.SubView(weights.PositionEmbedding, (long)time * c), batch, time, c, accumulate);
        kernels.EmbedBackwardWords(
            d, tokens.Order(first, rows), tokens.Starts(first), tokens.Tokens(first), words, tokens.Distinct(first), c);
    }

    private ArrayView<float> Words(ArrayView<float> parameters) =>
        parameters.SubView(weights.TokenEmbedding, (long)model.Vocab * model.Channels);

    // y[N, out] = x[N, in] w[in, out] + bias.
    private void Linear(ArrayView<float> x, ArrayView<float> p, int w, int bias, ArrayView<float> y, int rows, int inputs, int outputs) =>
        kernels.MatMul(false, false, rows, outputs, inputs, x, p.SubView(w, (long)inputs * outputs), y, row: p.SubView(bias, outputs));

    // y[N, C] = residual + dropout(x w + bias).
    private void ResidualLinear(
        ArrayView<float> residual, ArrayView<float> x, ArrayView<float> p, int w, int bias, ArrayView<float> y, int batch, int inputs, DropoutPlan dropout)
    {
        int outputs = model.Channels, rows = batch * model.Block;
        ArrayView<float> weight = p.SubView(w, (long)inputs * outputs), added = p.SubView(bias, outputs);
        if (!dropout.IsActive)
        {
            kernels.MatMul(false, false, rows, outputs, inputs, x, weight, y, row: added, matrix: residual);
            return;
        }

        var count = (long)rows * outputs;
        var aside = activations.DMasked.SubView(0, count);
        kernels.MatMul(false, false, rows, outputs, inputs, x, weight, aside, row: added);
        kernels.Dropout(aside, aside, batch, dropout);
        kernels.AddTo(residual, aside, y.SubView(0, count));
    }

    // dx = dy w' (overwritten); dw = x' dy and dbias = column sums of dy (overwritten or added to).
    private void LinearBackward(
        ArrayView<float> x, ArrayView<float> p, ArrayView<float> g, int w, int bias, ArrayView<float> dy, ArrayView<float> dx, int rows, int inputs, int outputs, bool accumulate)
    {
        var dw = g.SubView(w, (long)inputs * outputs);
        kernels.MatMul(true, false, inputs, outputs, rows, x, dy, dw, matrix: accumulate ? dw : default);
        kernels.ColumnSums(dy, g.SubView(bias, outputs), activations.Partial, rows, outputs, accumulate);
        kernels.MatMul(false, true, rows, inputs, outputs, dy, p.SubView(w, (long)inputs * outputs), dx);
    }

    // Adds the gradient that came back to a norm's output, in DNarrow, to the residual stream's.
    private void NormBackward(
        ArrayView<float> p, ArrayView<float> g, ArrayView<float> x, int norm, int bias, ArrayView<float> mean, ArrayView<float> rstd, int rows, bool accumulate)
    {
        var c = model.Channels;
        kernels.LayerNormBackward(
            activations.DNarrow,
            x,
            p.SubView(norm, c),
            mean,
            rstd,
            activations.DStream,
            g.SubView(norm, c),
            g.SubView(bias, c),
            activations.Partial,
            rows,
            c,
            accumulate);
    }

    // The residual stream's gradient as it enters a branch: the branch's dropout applied to a copy.
    private ArrayView<float> Masked(int batch, DropoutPlan dropout)
    {
        if (!dropout.IsActive) return activations.DStream;
        var count = (long)batch * model.Block * model.Channels;
        kernels.Dropout(activations.DStream.SubView(0, count), activations.DMasked.SubView(0, count), batch, dropout);
        return activations.DMasked;
    }

    private DropoutPlan Dropout(long position, int layer, int place) => new(seed, model.Dropout, position, (uint)((layer * 4) + place));
}
