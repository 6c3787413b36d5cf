using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>
/// The tokens of one shard, brought to the device in one copy out of page-locked memory. For each micro-batch of N rows: inputs [N],
/// targets [N], and for the gradient of the embedding the rows sorted by token: rows [N], where each distinct token begins in them
/// [N + 1], and the tokens [N]. Sorting here, where it costs a few microseconds, spares the device atomic sums.
/// </summary>
internal sealed class ShardTokens : IDisposable
{
    private readonly ModelSpec _model;
    private readonly ISampleSource _samples;
    private readonly int _microBatch;
    private readonly int _stride;
    private readonly int[] _sample;
    private readonly int[] _next;
    private readonly int[] _distinct;
    private readonly PageLockedArray1D<int> _host;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _device;

    /// <param name="accelerator">The device.</param>
    /// <param name="spec">The job.</param>
    /// <param name="samples">Where samples come from.</param>
    /// <param name="maxSamples">Most samples of a shard.</param>
    public ShardTokens(Accelerator accelerator, JobSpec spec, ISampleSource samples, int maxSamples)
    {
        (_model, _samples, _microBatch) = (spec.Model, samples, Math.Min(spec.Training.MicroBatch, maxSamples));
        int microBatches = (maxSamples + _microBatch - 1) / _microBatch;
        _stride = checked((5 * _microBatch * spec.Model.Block) + 1);
        _sample = new int[spec.Model.Block + 1];
        _next = new int[spec.Model.Vocab + 1];
        _distinct = new int[microBatches];
        _host = accelerator.AllocatePageLocked1D<int>(checked(microBatches * _stride), uninitialized: false);
        _device = accelerator.Allocate1D<int>(_host.Length);
    }

    /// <summary>Reads the samples and queues their copy. What was queued with the tokens of the shard before must have ended.</summary>
    /// <exception cref="InvalidDataException">A token is not of the model's vocabulary.</exception>
    public void Load(AcceleratorStream stream, long firstPosition, int count)
    {
        for (int done = 0, batch = 0; done < count; done += _microBatch, batch++) Read(batch, firstPosition + done, Math.Min(_microBatch, count - done));
        int used = (count + _microBatch - 1) / _microBatch * _stride;
        _device.View.SubView(0, used).AsContiguous().CopyFrom(stream, _host.ArrayView.SubView(0, used));
    }

    /// <summary>Inputs of the micro-batch that begins at sample <paramref name="first"/> of the shard, [rows].</summary>
    public ArrayView<int> Inputs(int first, int rows) => Part(first, 0, rows);

    /// <summary>Targets, [rows].</summary>
    public ArrayView<int> Targets(int first, int rows) => Part(first, Rows, rows);

    /// <summary>Rows sorted by token, [rows].</summary>
    public ArrayView<int> Order(int first, int rows) => Part(first, 2 * Rows, rows);

    /// <summary>Where each distinct token's rows begin, and where the last one's end.</summary>
    public ArrayView<int> Starts(int first) => Part(first, 3 * Rows, Distinct(first) + 1);

    /// <summary>The distinct tokens.</summary>
    public ArrayView<int> Tokens(int first) => Part(first, (4 * Rows) + 1, Distinct(first));

    /// <summary>How many there are.</summary>
    public int Distinct(int first) => _distinct[first / _microBatch];

    public void Dispose()
    {
        _device.Dispose();
        _host.Dispose();
    }

    private int Rows => _microBatch * _model.Block;

    private ArrayView<int> Part(int first, int offset, int length) => _device.View.AsContiguous().SubView((first / _microBatch * (long)_stride) + offset, length);

    private void Read(int batch, long firstPosition, int count)
    {
        int time = _model.Block, rows = count * time;
        Span<int> all = _host.Span.Slice(batch * _stride, _stride);
        Span<int> inputs = all[..rows], targets = all.Slice(Rows, rows);
        for (int s = 0; s < count; s++)
        {
            _samples.ReadSample(firstPosition + s, _sample);
            foreach (int token in _sample)
            {
                if ((uint)token >= (uint)_model.Vocab)
                {
                    throw new InvalidDataException($"Sample {firstPosition + s} holds token {token}; the model's vocabulary is {_model.Vocab}.");
                }
            }

            _sample.AsSpan(0, time).CopyTo(inputs[(s * time)..]);
            _sample.AsSpan(1, time).CopyTo(targets[(s * time)..]);
        }

        Sort(batch, inputs, all.Slice(2 * Rows, rows), all.Slice(3 * Rows, Rows + 1), all.Slice((4 * Rows) + 1, Rows));
    }

    // Counting sort, which keeps the rows of a token in rising order.
    private void Sort(int batch, ReadOnlySpan<int> inputs, Span<int> order, Span<int> starts, Span<int> tokens)
    {
        Array.Clear(_next);
        foreach (int token in inputs) _next[token + 1]++;
        int distinct = 0;
        for (int token = 0; token < _model.Vocab; token++)
        {
            if (_next[token + 1] > 0)
            {
                starts[distinct] = _next[token];
                tokens[distinct++] = token;
            }

            _next[token + 1] += _next[token];
        }

        starts[distinct] = inputs.Length;
        _distinct[batch] = distinct;
        for (int r = 0; r < inputs.Length; r++) order[_next[inputs[r]]++] = r;
    }
}
