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
    private readonly ModelSpec model;
    private readonly ISampleSource samples;
    private readonly int microBatch;
    private readonly int stride;
    private readonly int[] sample;
    private readonly int[] next;
    private readonly int[] distinct;
    private readonly PageLockedArray1D<int> host;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> device;

    /// <param name="accelerator">The device.</param>
    /// <param name="spec">The job.</param>
    /// <param name="samples">Where samples come from.</param>
    /// <param name="maxSamples">Most samples of a shard.</param>
    public ShardTokens(Accelerator accelerator, JobSpec spec, ISampleSource samples, int maxSamples)
    {
        (model, this.samples, microBatch) = (spec.Model, samples, Math.Min(spec.Training.MicroBatch, maxSamples));
        var microBatches = (maxSamples + microBatch - 1) / microBatch;
        stride = checked((5 * microBatch * spec.Model.Block) + 1);
        sample = new int[spec.Model.Block + 1];
        next = new int[spec.Model.Vocab + 1];
        distinct = new int[microBatches];
        host = accelerator.AllocatePageLocked1D<int>(checked(microBatches * stride), uninitialized: false);
        device = accelerator.Allocate1D<int>(host.Length);
    }

    /// <summary>Reads the samples and queues their copy. What was queued with the tokens of the shard before must have ended.</summary>
    /// <exception cref="InvalidDataException">A token is not of the model's vocabulary.</exception>
    public void Load(AcceleratorStream stream, long firstPosition, int count)
    {
        for (int done = 0, batch = 0; done < count; done += microBatch, batch++)
            Read(batch, firstPosition + done, Math.Min(microBatch, count - done));
        var used = (count + microBatch - 1) / microBatch * stride;
        device.View.SubView(0, used).AsContiguous().CopyFrom(stream, host.ArrayView.SubView(0, used));
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
    public int Distinct(int first) => distinct[first / microBatch];

    public void Dispose()
    {
        device.Dispose();
        host.Dispose();
    }

    private int Rows => microBatch * model.Block;

    private ArrayView<int> Part(int first, int offset, int length) =>
        device.View.AsContiguous().SubView((first / microBatch * (long)stride) + offset, length);

    private void Read(int batch, long firstPosition, int count)
    {
        int time = this.model.Block, rows = count * time;
        var all = host.Span.Slice(batch * stride, stride);
        Span<int> inputs = all[..rows], targets = all.Slice(Rows, rows);
        for (var s = 0; s < count; s++)
        {
            samples.ReadSample(firstPosition + s, sample);
            foreach (var token in sample)
            {
                if ((uint)token >= (uint)this.model.Vocab)
                {
                    throw new InvalidDataException(
                        $"Sample {firstPosition + s} holds token {token}; the model's vocabulary is {this.model.Vocab}.");
                }
            }

            sample.AsSpan(0, time).CopyTo(inputs[(s * time)..]);
            sample.AsSpan(1, time).CopyTo(targets[(s * time)..]);
        }

        Sort(batch, inputs, all.Slice(2 * Rows, rows), all.Slice(3 * Rows, Rows + 1), all.Slice((4 * Rows) + 1, Rows));
    }

    // Counting sort, which keeps the rows of a token in rising order.
    private void Sort(int batch, ReadOnlySpan<int> inputs, Span<int> order, Span<int> starts, Span<int> tokens)
    {
        Array.Clear(next);
        foreach (var token in inputs) next[token + 1]++;
        var distinct = 0;
        for (var token = 0; token < model.Vocab; token++)
        {
            if (next[token + 1] > 0)
            {
                starts[distinct] = next[token];
                tokens[distinct++] = token;
            }

            next[token + 1] += next[token];
        }

        starts[distinct] = inputs.Length;
        this.distinct[batch] = distinct;
        for (var r = 0; r < inputs.Length; r++) order[next[inputs[r]]++] = r;
    }
}
