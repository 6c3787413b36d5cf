using System.Buffers.Binary;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.External;

/// <summary>
/// The samples of a shard, by their indices: position p of the job is sample number (permutation of its epoch)(p mod samples), or p itself
/// where the program has no number of samples. Behind them, for programs that load beforehand, those of shards that probably come next.
/// <para>
/// Layout, i64 each: the shard's indices; the number of shards that come; of each, step, shard, first position, number of indices, indices.
/// </para>
/// </summary>
internal sealed class ProgramSamples
{
    private const ulong OrderPurpose = 1;
    private const int MostAhead = 16;
    private const int IndicesAhead = 1 << 16;
    private const int Head = 4;

    private readonly TrainingSpec training;
    private readonly long samples;
    private readonly ShardForecast forecast;
    private Dictionary<(long Step, int Shard), long[]> ahead = [];

    /// <summary>Those of a job.</summary>
    /// <param name="training">How its batches are cut.</param>
    /// <param name="samples">Samples that the program draws from; 0: none are drawn, and indices are positions.</param>
    public ProgramSamples(TrainingSpec training, long samples) =>
        (this.training, this.samples, forecast) = (training, samples, new ShardForecast(Ahead(training)));

    /// <summary>Bytes that this takes of the memory.</summary>
    public static long BytesOf(TrainingSpec training) =>
        (Most(training) + 1L + (Ahead(training) * (Head + (long)Most(training)))) * sizeof(long);

    /// <summary>Writes what a shard of a job is computed from, and what probably follows it.</summary>
    public void Write(long step, int shard, Span<byte> to)
    {
        var coming = forecast.After(step, shard);
        var at = Put(IndicesOf(step, shard), to, 0);
        at = Put([coming.Count], to, at);
        var next = new Dictionary<(long, int), long[]>();
        foreach (var (later, other) in coming)
        {
            var indices = next[(later, other)] = IndicesOf(later, other);
            at = Put([later, other, ShardSamples.Of(training, later, other).FirstPosition, indices.Length], to, at);
            at = Put(indices, to, at);
        }

        ahead = next;
    }

    private static int Most(TrainingSpec training) => (training.BatchSize + training.Shards - 1) / training.Shards;

    private static int Ahead(TrainingSpec training) => Math.Clamp(IndicesAhead / Most(training), 1, MostAhead);

    private static int Put(ReadOnlySpan<long> numbers, Span<byte> to, int at)
    {
        foreach (var number in numbers)
        {
            BinaryPrimitives.WriteInt64LittleEndian(to[at..], number);
            at += sizeof(long);
        }

        return at;
    }

    private long[] IndicesOf(long step, int shard)
    {
        if (ahead.TryGetValue((step, shard), out var known))
            return known;
        var positions = ShardSamples.Of(training, step, shard);
        var indices = new long[positions.Count];
        KeyedPermutation? order = null;
        var epoch = -1L;
        for (var i = 0; i < indices.Length; i++)
        {
            var position = indices[i] = positions.FirstPosition + i;
            if (samples == 0)
                continue;
            if (position / samples != epoch)
            {
                epoch = position / samples;
                order = new KeyedPermutation(samples, BitMixer.Key(training.Seed, OrderPurpose, (ulong)epoch));
            }

            indices[i] = order!.Value.Apply(position % samples);
        }

        return indices;
    }
}
