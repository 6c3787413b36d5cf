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
    private readonly ModelSpec _model;
    private readonly ulong _seed;
    private readonly AcceleratorStream _stream;
    private readonly DeviceKernels _kernels;
    private readonly GptWeights _weights;
    private readonly ShardTokens _tokens;
    private readonly GptDeviceActivations _activations;
    private readonly MemoryBuffer1D<double, Stride1D.Dense> _losses;
    private readonly MemoryBuffer1D<double, Stride1D.Dense> _loss;
    private readonly double[] _taken = new double[1];
    private long _firstPosition;
    private bool _any;

    public GptDeviceProgram(JobSpec spec, ISampleSource samples, Accelerator accelerator, AcceleratorStream stream, DeviceKernels kernels)
    {
        (_model, _seed, _stream, _kernels) = (spec.Model, spec.Training.Seed, stream, kernels);
        _weights = new GptWeights(GptProgram.LayoutOf(spec.Model), spec.Model.Layers);
        int maxSamples = (spec.Training.BatchSize + spec.Training.Shards - 1) / spec.Training.Shards;
        int batch = Math.Min(spec.Training.MicroBatch, maxSamples);
        _tokens = new ShardTokens(accelerator, spec, samples, maxSamples);
        _activations = new GptDeviceActivations(accelerator, spec.Model, batch);
        _losses = accelerator.Allocate1D<double>((long)batch * spec.Model.Block);
        _loss = accelerator.Allocate1D<double>(1);
    }

    public void Begin(long firstPosition, int count)
    {
        (_firstPosition, _any) = (firstPosition, false);
        _tokens.Load(_stream, firstPosition, count);
    }

    public long AddGradient(ArrayView<float> parameters, ArrayView<float> gradient, bool accumulate, int first, int count, CancellationToken cancel)
    {
        int rows = count * _model.Block;
        long position = _firstPosition + first;
        Forward(parameters, first, count, position, cancel);
        Loss(parameters, _tokens.Targets(first, rows), rows);
        Backward(parameters, gradient, first, count, position, accumulate, cancel);
        return rows;
    }

    public double TakeLoss()
    {
        if (!_any) return 0;
        _loss.View.CopyToCPU(_stream, _taken);
        _stream.Synchronize();
        return _taken[0];
    }

    public void Dispose()
    {
        _loss.Dispose();
        _losses.Dispose();
        _activations.Dispose();
        _tokens.Dispose();
    }

    private void Forward(ArrayView<float> p, int first, int batch, long position, CancellationToken cancel)
    {
        int c = _model.Channels, time = _model.Block, rows = batch * time;
        GptDeviceActivations a = _activations;
        AttentionShape shape = new(batch, time, c, _model.Heads);
        ArrayView<float> stream = a.Layers[0].Input.SubView(0, (long)rows * c);
        _kernels.Embed(
            _tokens.Inputs(first, rows), p.SubView(_weights.TokenEmbedding, (long)_model.Vocab * c), p.SubView(_weights.PositionEmbedding, (long)time * c),
            stream, rows, time, c);
        if (Dropout(position, 0, 0) is { IsActive: true } plan) _kernels.Dropout(stream, stream, batch, plan);
        for (int i = 0; i < _model.Layers; i++)
        {
            cancel.ThrowIfCancellationRequested();
            GptWeights.Layer w = _weights.Layers[i];
            GptDeviceActivations.Layer l = a.Layers[i];
            ArrayView<float> next = i + 1 < _model.Layers ? a.Layers[i + 1].Input : a.Output;

            _kernels.LayerNorm(l.Input, p.SubView(w.Norm1, c), p.SubView(w.Norm1Bias, c), l.Norm1, l.Mean1, l.Rstd1, rows, c);
            Linear(l.Norm1, p, w.Attention, w.AttentionBias, l.Qkv, rows, c, 3 * c);
            _kernels.Attention(l.Qkv, l.Attended, l.LogSums, shape, Dropout(position, i, 1));
            ResidualLinear(l.Input, l.Attended, p, w.Projection, w.ProjectionBias, l.Middle, batch, c, Dropout(position, i, 2));

            _kernels.LayerNorm(l.Middle, p.SubView(w.Norm2, c), p.SubView(w.Norm2Bias, c), l.Norm2, l.Mean2, l.Rstd2, rows, c);
            Linear(l.Norm2, p, w.Expand, w.ExpandBias, l.Expanded, rows, c, 4 * c);
            _kernels.Gelu(l.Expanded.SubView(0, (long)rows * 4 * c), l.Activated.SubView(0, (long)rows * 4 * c));
            ResidualLinear(l.Middle, l.Activated, p, w.Contract, w.ContractBias, next, batch, 4 * c, Dropout(position, i, 3));
        }

        _kernels.LayerNorm(a.Output, p.SubView(_weights.FinalNorm, c), p.SubView(_weights.FinalNormBias, c), a.Normed, a.NormedMean, a.NormedRstd, rows, c);
    }

    private void Loss(ArrayView<float> p, ArrayView<int> targets, int rows)
    {
        (int c, int v) = (_model.Channels, _model.Vocab);
        _kernels.MatMul(false, true, rows, v, c, _activations.Normed, Words(p), _activations.Logits);
        _kernels.CrossEntropy(_activations.Logits, targets, _losses.View.AsContiguous(), rows, v);
        _kernels.SumLosses(_losses.View.AsContiguous().SubView(0, rows), _loss.View.AsContiguous(), _any);
        _any = true;
    }

    private void Backward(ArrayView<float> p, ArrayView<float> g, int first, int batch, long position, bool accumulate, CancellationToken cancel)
    {
        int c = _model.Channels, v = _model.Vocab, time = _model.Block, rows = batch * time;
        long narrow = (long)rows * c;
        GptDeviceActivations a = _activations;
        AttentionShape shape = new(batch, time, c, _model.Heads);
        ArrayView<float> words = Words(g);
        _kernels.MatMul(true, false, v, c, rows, a.Logits, a.Normed, words, matrix: accumulate ? words : default);
        _kernels.MatMul(false, false, rows, c, v, a.Logits, Words(p), a.DNarrow);
        a.DStream.SubView(0, narrow).MemSetToZero(_stream);
        NormBackward(p, g, a.Output, _weights.FinalNorm, _weights.FinalNormBias, a.NormedMean, a.NormedRstd, rows, accumulate);

        for (int i = _model.Layers - 1; i >= 0; i--)
        {
            cancel.ThrowIfCancellationRequested();
            GptWeights.Layer w = _weights.Layers[i];
            GptDeviceActivations.Layer l = a.Layers[i];

            LinearBackward(l.Activated, p, g, w.Contract, w.ContractBias, Masked(batch, Dropout(position, i, 3)), a.DWide, rows, 4 * c, c, accumulate);
            _kernels.GeluBackward(l.Expanded.SubView(0, 4 * narrow), a.DWide.SubView(0, 4 * narrow));
            LinearBackward(l.Norm2, p, g, w.Expand, w.ExpandBias, a.DWide, a.DNarrow, rows, c, 4 * c, accumulate);
            NormBackward(p, g, l.Middle, w.Norm2, w.Norm2Bias, l.Mean2, l.Rstd2, rows, accumulate);

            LinearBackward(l.Attended, p, g, w.Projection, w.ProjectionBias, Masked(batch, Dropout(position, i, 2)), a.DNarrow, rows, c, c, accumulate);
            _kernels.AttentionBackward(l.Qkv, l.Attended, l.LogSums, a.DNarrow, a.Dots, a.DWide, shape, Dropout(position, i, 1));
            LinearBackward(l.Norm1, p, g, w.Attention, w.AttentionBias, a.DWide, a.DNarrow, rows, c, 3 * c, accumulate);
            NormBackward(p, g, l.Input, w.Norm1, w.Norm1Bias, l.Mean1, l.Rstd1, rows, accumulate);
        }

        ArrayView<float> d = a.DStream.SubView(0, narrow);
        if (Dropout(position, 0, 0) is { IsActive: true } plan) _kernels.Dropout(d, d, batch, plan);
        _kernels.EmbedBackwardPlaces(d, g.SubView(_weights.PositionEmbedding, (long)time * c), batch, time, c, accumulate);
        _kernels.EmbedBackwardWords(d, _tokens.Order(first, rows), _tokens.Starts(first), _tokens.Tokens(first), words, _tokens.Distinct(first), c);
    }

    private ArrayView<float> Words(ArrayView<float> parameters) => parameters.SubView(_weights.TokenEmbedding, (long)_model.Vocab * _model.Channels);

    // y[N, out] = x[N, in] w[in, out] + bias.
    private void Linear(ArrayView<float> x, ArrayView<float> p, int w, int bias, ArrayView<float> y, int rows, int inputs, int outputs) =>
        _kernels.MatMul(false, false, rows, outputs, inputs, x, p.SubView(w, (long)inputs * outputs), y, row: p.SubView(bias, outputs));

    // y[N, C] = residual + dropout(x w + bias).
    private void ResidualLinear(
        ArrayView<float> residual, ArrayView<float> x, ArrayView<float> p, int w, int bias, ArrayView<float> y, int batch, int inputs, DropoutPlan dropout)
    {
        int outputs = _model.Channels, rows = batch * _model.Block;
        ArrayView<float> weight = p.SubView(w, (long)inputs * outputs), added = p.SubView(bias, outputs);
        if (!dropout.IsActive)
        {
            _kernels.MatMul(false, false, rows, outputs, inputs, x, weight, y, row: added, matrix: residual);
            return;
        }

        long count = (long)rows * outputs;
        ArrayView<float> aside = _activations.DMasked.SubView(0, count);
        _kernels.MatMul(false, false, rows, outputs, inputs, x, weight, aside, row: added);
        _kernels.Dropout(aside, aside, batch, dropout);
        _kernels.AddTo(residual, aside, y.SubView(0, count));
    }

    // dx = dy w' (overwritten); dw = x' dy and dbias = column sums of dy (overwritten or added to).
    private void LinearBackward(
        ArrayView<float> x, ArrayView<float> p, ArrayView<float> g, int w, int bias, ArrayView<float> dy, ArrayView<float> dx, int rows, int inputs, int outputs, bool accumulate)
    {
        ArrayView<float> dw = g.SubView(w, (long)inputs * outputs);
        _kernels.MatMul(true, false, inputs, outputs, rows, x, dy, dw, matrix: accumulate ? dw : default);
        _kernels.ColumnSums(dy, g.SubView(bias, outputs), _activations.Partial, rows, outputs, accumulate);
        _kernels.MatMul(false, true, rows, inputs, outputs, dy, p.SubView(w, (long)inputs * outputs), dx);
    }

    // Adds the gradient that came back to a norm's output, in DNarrow, to the residual stream's.
    private void NormBackward(
        ArrayView<float> p, ArrayView<float> g, ArrayView<float> x, int norm, int bias, ArrayView<float> mean, ArrayView<float> rstd, int rows, bool accumulate)
    {
        int c = _model.Channels;
        _kernels.LayerNormBackward(
            _activations.DNarrow, x, p.SubView(norm, c), mean, rstd, _activations.DStream, g.SubView(norm, c), g.SubView(bias, c), _activations.Partial, rows, c, accumulate);
    }

    // The residual stream's gradient as it enters a branch: the branch's dropout applied to a copy.
    private ArrayView<float> Masked(int batch, DropoutPlan dropout)
    {
        if (!dropout.IsActive) return _activations.DStream;
        long count = (long)batch * _model.Block * _model.Channels;
        _kernels.Dropout(_activations.DStream.SubView(0, count), _activations.DMasked.SubView(0, count), batch, dropout);
        return _activations.DMasked;
    }

    private DropoutPlan Dropout(long position, int layer, int place) => new(_seed, _model.Dropout, position, (uint)((layer * 4) + place));
}
