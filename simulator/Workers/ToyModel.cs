using System.Globalization;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>Loss and targets of a subtree or a step.</summary>
internal readonly record struct Score(double Loss, long Targets)
{
    public static Score operator +(Score left, Score right) => new(left.Loss + right.Loss, left.Targets + right.Targets);
}

/// <summary>A sum over a subtree of the shards, by block.</summary>
internal sealed record Partial(ulong[] Blocks, Score Score);

/// <summary>
/// A training program whose numbers are hashes: one word a block. A gradient depends on the whole state, the step, the shard and
/// the block; adding neither commutes nor associates; the optimizer mixes all of R into every block of the state. So one word
/// from the wrong step, shard, block, side or order changes every later state.
/// </summary>
internal sealed class ToyModel
{
    private readonly List<ulong[]> states = [];
    private readonly List<Partial> reduced = [new Partial([], default)];

    public ToyModel(ulong seed, int shards, int reducedBlocks, int stateBlocks)
    {
        Shards = shards;
        ReducedBlocks = reducedBlocks;
        StateBlocks = stateBlocks;
        var state = new ulong[stateBlocks];
        for (var i = 0; i < stateBlocks; i++)
            state[i] = Mix.Pair(seed, (ulong)i);
        states.Add(state);
    }

    public int Shards { get; }
    public int ReducedBlocks { get; }
    public int StateBlocks { get; }

    /// <summary>The serial run's state after a step; not to be changed.</summary>
    public ulong[] State(long step)
    {
        Extend(step);
        return states[(int)step];
    }

    /// <summary>The serial run's reduced gradient of a step, from 1.</summary>
    public Partial Reduced(long step)
    {
        Extend(step);
        return reduced[(int)step];
    }

    public Partial Gradient(ulong[] state, long step, int shard)
    {
        var digest = Digest(state);
        var blocks = new ulong[ReducedBlocks];
        for (var block = 0; block < blocks.Length; block++)
            blocks[block] = Mix.Scramble(Mix.Pair(Mix.Pair(digest, (ulong)step), ((ulong)shard << 32) + (ulong)block));
        return new Partial(blocks, new Score((blocks[0] & 0xFFFF) / 16.0, 10 + shard));
    }

    public static Partial Add(Partial left, Partial right)
    {
        var blocks = new ulong[left.Blocks.Length];
        for (var i = 0; i < blocks.Length; i++)
            blocks[i] = Mix.Pair(left.Blocks[i], right.Blocks[i]);
        return new Partial(blocks, left.Score + right.Score);
    }

    /// <summary>
    /// The sum over shards <paramref name="start"/> to <paramref name="start"/> + <paramref name="size"/> - 1 along the tree.
    /// </summary>
    public Partial Sum(long step, int start, int size) => size == 1
        ? Gradient(State(step - 1), step, start)
        : Add(Sum(step, start, size / 2), Sum(step, start + (size / 2), size / 2));

    /// <summary>Stands in for a block's sum of squares; a whole number, so that sums are exact.</summary>
    public static double SumOfSquares(ulong block) => block & 0xFFFFF;

    public static void Apply(ulong[] state, long step, ReadOnlySpan<ulong> gradient, double sumOfSquares, Score score)
    {
        var all = Mix.Pair((ulong)step, (ulong)sumOfSquares) + (ulong)score.Targets + (ulong)(score.Loss * 16);
        foreach (var block in gradient)
            all = Mix.Pair(all, block);
        for (var i = 0; i < state.Length; i++)
            state[i] = Mix.Pair(state[i], all + gradient[i % gradient.Length]);
    }

    public static string Sha256(ulong[] state)
    {
        var text = "";
        for (ulong word = 0; word < 4; word++)
            text += Mix.Pair(Digest(state), word).ToString("x16", CultureInfo.InvariantCulture);
        return text;
    }

    public static ulong Digest(ulong[] state)
    {
        var digest = 0UL;
        foreach (var word in state)
            digest = Mix.Pair(digest, word);
        return digest;
    }

    private void Extend(long step)
    {
        for (var next = states.Count; next <= step; next++)
        {
            var sum = Sum(next, 0, Shards);
            var state = (ulong[])states[^1].Clone();
            var squares = 0.0;
            foreach (var block in sum.Blocks)
                squares += SumOfSquares(block);
            Apply(state, next, sum.Blocks, squares, sum.Score);
            reduced.Add(sum);
            states.Add(state);
        }
    }
}
