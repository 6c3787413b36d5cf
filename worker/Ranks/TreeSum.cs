using System.Runtime.InteropServices;
using Coordinator.Machines;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Ranks;

/// <summary>A subtree's sum over one block, with its loss and targets where the block carries them.</summary>
public readonly record struct TreePart(Subtree Subtree, ArraySegment<byte> Bytes, double Loss, long Targets);

/// <summary>
/// Finishes the canonical sum of one block: adds neighbouring subtrees, always left + right, until the whole tree is one.
/// The parts themselves are never written; sums under way lie in scratch, at most one for every level of the tree.
/// Not thread-safe.
/// </summary>
public sealed class TreeSum(int blockElements)
{
    private readonly List<byte[]> scratch = [];
    private readonly List<(TreePart Part, int Scratch)> pending = [];

    /// <summary>Adds up <paramref name="parts"/>, which are in order and cover shards 0 to <paramref name="shards"/> - 1 once.</summary>
    /// <param name="shards">L, a power of two.</param>
    /// <param name="parts">Subtrees of equally long blocks.</param>
    /// <param name="result">Overwritten with the sum.</param>
    /// <returns>Loss and targets, added up along the same tree.</returns>
    /// <exception cref="InvalidOperationException">The parts do not make up the tree.</exception>
    public (double Loss, long Targets) Sum(int shards, IReadOnlyList<TreePart> parts, Span<float> result)
    {
        pending.Clear();
        var covered = 0;
        foreach (var part in parts)
        {
            if (part.Subtree.Start != covered)
                throw new InvalidOperationException($"a sum over {shards} shards has {part.Subtree} where shard {covered} should follow");
            covered = part.Subtree.End;
            pending.Add((part, -1));
            while (pending.Count > 1 && pending[^1].Part.Subtree is { IsLeft: false } right && pending[^2].Part.Subtree == right.Sibling)
                Combine();
        }

        if (pending.Count != 1 || pending[0].Part.Subtree != new Subtree(0, shards))
            throw new InvalidOperationException($"a sum over {shards} shards ends at {covered}");
        var whole = pending[0].Part;
        Floats(whole.Bytes).CopyTo(result);
        return (whole.Loss, whole.Targets);
    }

    private static Span<float> Floats(ArraySegment<byte> bytes) => MemoryMarshal.Cast<byte, float>(bytes.AsSpan());

    private void Combine()
    {
        var (right, rightAt) = pending[^1];
        var (left, at) = pending[^2];
        pending.RemoveRange(pending.Count - 2, 2);
        if (at < 0)
        {
            // Not where the right one lies, nor any sum under way further left.
            at = rightAt + 1;
            foreach (var (_, used) in pending)
                at = Math.Max(at, used + 1);
            if (at == scratch.Count)
                scratch.Add(GC.AllocateUninitializedArray<byte>(blockElements * sizeof(float)));
            var copy = new ArraySegment<byte>(scratch[at], 0, left.Bytes.Count);
            left.Bytes.AsSpan().CopyTo(copy);
            left = left with { Bytes = copy };
        }

        BlockMath.Add(Floats(left.Bytes), Floats(right.Bytes));
        pending.Add((new TreePart(left.Subtree.Parent, left.Bytes, left.Loss + right.Loss, left.Targets + right.Targets), at));
    }
}
