using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// An aligned piece of the binary tree over the shards: <see cref="Size"/> is a power of two that divides <see cref="Start"/>.
/// It names the sum over shards Start to Start + Size - 1, added up along the tree.
/// </summary>
public readonly record struct Subtree(int Start, int Size) : IComparable<Subtree>
{
    // What follows from the two numbers does not travel: a parent has a parent without end.

    /// <summary>First shard after the subtree.</summary>
    [JsonIgnore]
    public int End => Start + Size;

    /// <summary>The subtree of one shard.</summary>
    public static Subtree Leaf(int shard) => new(shard, 1);

    /// <summary>The tree node above.</summary>
    [JsonIgnore]
    public Subtree Parent => new(Start & ~((Size * 2) - 1), Size * 2);

    /// <summary>The other child of <see cref="Parent"/>.</summary>
    [JsonIgnore]
    public Subtree Sibling => new(Start ^ Size, Size);

    /// <summary>Whether this is the left child of <see cref="Parent"/>.</summary>
    [JsonIgnore]
    public bool IsLeft => (Start & Size) == 0;

    /// <summary>Whether <paramref name="other"/> lies inside.</summary>
    public bool Contains(Subtree other) => other.Start >= Start && other.End <= End;

    /// <summary>Whether the two have a shard in common.</summary>
    public bool Overlaps(Subtree other) => Start < other.End && other.Start < End;

    /// <summary>
    /// The largest aligned subtrees that make up shards <paramref name="start"/> to <paramref name="start"/> + <paramref name="count"/> -
    /// 1, in order.
    /// </summary>
    public static IEnumerable<Subtree> Cover(int start, int count)
    {
        var end = start + count;
        while (start < end)
        {
            var size = start == 0 ? int.MaxValue / 2 + 1 : start & -start;
            while (size > end - start)
                size >>= 1;
            yield return new Subtree(start, size);
            start += size;
        }
    }

    /// <summary>The largest aligned subtrees that make up a set of shards given as sorted, disjoint spans.</summary>
    public static IEnumerable<Subtree> Cover(IEnumerable<ShardSpan> spans)
    {
        // Spans that touch are joined first, so that a subtree may reach over their seam.
        int start = 0, count = 0;
        foreach (var span in spans)
        {
            if (count > 0 && span.Start == start + count)
            {
                count += span.Count;
                continue;
            }

            foreach (var subtree in Cover(start, count))
                yield return subtree;
            (start, count) = (span.Start, span.Count);
        }

        foreach (var subtree in Cover(start, count))
            yield return subtree;
    }

    /// <inheritdoc/>
    public int CompareTo(Subtree other) => Start != other.Start ? Start.CompareTo(other.Start) : Size.CompareTo(other.Size);

    /// <inheritdoc/>
    public override string ToString() => $"[{Start},{End})";
}
