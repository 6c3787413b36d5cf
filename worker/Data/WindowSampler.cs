namespace Coordinator.Worker.Data;

/// <summary>
/// The job's data order. T tokens hold N = floor((T - 1) / Block) windows of Block + 1 tokens, neighbours sharing one;
/// position p belongs to epoch p div N, in which every window comes up exactly once, in the order of a permutation keyed
/// by (seed, epoch). Batches may straddle epochs: a position knows nothing of batches.
/// </summary>
/// <remarks>
/// Windows do not stay where they are from one epoch to the next, or a token would always be seen at the same place of
/// its context, and the tokens behind the last window never. The data is therefore read as a ring that each epoch
/// enters at a keyed offset: window w begins at token (offset + w * Block) mod T. Within an epoch no target is used twice;
/// the at most Block targets that N windows leave out lie elsewhere each time. The price is one window in an
/// epoch that runs over the end of the data into its beginning, no worse than the joint of two files.
/// </remarks>
public sealed class WindowSampler : ISampleSource
{
    private const ulong OrderPurpose = 1;
    private const ulong OffsetPurpose = 2;

    private readonly FrozenData data;
    private readonly int block;
    private readonly ulong seed;

    /// <param name="data">The frozen tokens; stays the caller's to dispose of.</param>
    /// <param name="block">Context length in tokens; at least 1.</param>
    /// <param name="seed">The job's seed.</param>
    /// <exception cref="DataException"><see cref="DataProblem.TooShort"/>: not one window.</exception>
    public WindowSampler(FrozenData data, int block, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(block, 1);
        Windows = WindowCount(data.Tokens, block);
        if (Windows < 1)
            throw DataFreezer.TooShort("the frozen data", data.Tokens, block);

        (this.data, this.block, this.seed) = (data, block, seed);
    }

    /// <summary>Windows in an epoch, N.</summary>
    public long Windows { get; }

    /// <summary>Windows that <paramref name="tokens"/> tokens hold, floor((T - 1) / Block); 0 where there is not one.</summary>
    public static long WindowCount(long tokens, int block) => tokens < 1 ? 0 : (tokens - 1) / block;

    /// <summary>Epoch and window that a position stands for.</summary>
    public (long Epoch, long Window) Locate(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        var (epoch, index) = (position / Windows, position % Windows);
        var order = new KeyedPermutation(Windows, BitMixer.Key(seed, OrderPurpose, (ulong)epoch));
        return (epoch, order.Apply(index));
    }

    /// <summary>Token at which the ring is entered in an epoch, 0 to T - 1.</summary>
    public long OffsetOf(long epoch)
    {
        // The high half of a 128-bit product maps 64 random bits onto 0 to T - 1 evenly (but for at most T in 2^64).
        var product = (UInt128)BitMixer.Key(seed, OffsetPurpose, (ulong)epoch) * (UInt128)data.Tokens;
        return (long)(product >> 64);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="tokens"/> does not have Block + 1 entries.</exception>
    /// <exception cref="DataException">The frozen file cannot be read any more.</exception>
    public void ReadSample(long position, Span<int> tokens)
    {
        if (tokens.Length != block + 1)
            throw new ArgumentException($"a sample has {block + 1} tokens, not {tokens.Length}", nameof(tokens));

        var (epoch, window) = Locate(position);
        var start = (OffsetOf(epoch) + (window * block)) % data.Tokens;
        var beforeEnd = (int)long.Min(tokens.Length, data.Tokens - start);
        data.ReadTokens(start, tokens[..beforeEnd]);
        data.ReadTokens(0, tokens[beforeEnd..]);
    }
}
