using Coordinator.Machines.Jobs;

namespace Coordinator.Worker.Data;

/// <summary>
/// A table's data order. Of N rows position p is in epoch p div N, in which every row comes up exactly once, in the order of a permutation
/// keyed by (seed, epoch), as for windows of tokens.
/// </summary>
public sealed class RowSampler : ISampleSource
{
    private const ulong OrderPurpose = 1;

    private readonly FrozenData data;
    private readonly ulong seed;

    /// <param name="data">The frozen table; stays the caller's to dispose of.</param>
    /// <param name="seed">The job's seed.</param>
    /// <exception cref="DataException"><see cref="DataProblem.TooShort"/>: it has no row.</exception>
    public RowSampler(FrozenData data, ulong seed)
    {
        if (data.Rows < 1)
            throw new DataException(DataProblem.TooShort, "the frozen table has no row; name one with rows with --data");
        (this.data, this.seed) = (data, seed);
    }

    /// <summary>The row at a position.</summary>
    public long Locate(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        var epoch = (ulong)(position / data.Rows);
        return new KeyedPermutation(data.Rows, BitMixer.Key(seed, OrderPurpose, epoch)).Apply(position % data.Rows);
    }

    /// <inheritdoc/>
    public void ReadRow(long position, Span<float> row) => data.ReadRow(Locate(position), row);

    /// <inheritdoc/>
    public void ReadSample(long position, Span<int> tokens) =>
        throw new NotSupportedException($"These samples are rows of {DataSpec.Table} and no tokens.");
}
