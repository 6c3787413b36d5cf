namespace Coordinator.Machines;

/// <summary>
/// P: the subtrees of the step in work that the rank has summed. A sum is dropped when the step is applied, and not before, since an owner
/// may die with what it had gathered; and two that lie beside each other inside one that is wanted are added up, always the left and the
/// right, so the order of summation never depends on who computed what.
/// </summary>
internal sealed class HeldSubtrees(RankContext context)
{
    private readonly SortedSet<Subtree> held = [];

    /// <summary>All of them, in the tree's order.</summary>
    public IReadOnlyCollection<Subtree> All => held;

    /// <summary>Whether a shard is in one of them.</summary>
    public bool Has(int shard) => held.Any(subtree => subtree.Contains(Subtree.Leaf(shard)));

    /// <summary>Adds a shard that was computed, and what it completes.</summary>
    public void Add(Subtree leaf, IReadOnlyList<Subtree> cover)
    {
        held.Add(leaf);
        MergeUp(leaf, cover);
    }

    /// <summary>A plan wants these: what lies in none of them goes, and the rest is added up as far as it can be.</summary>
    public void Restrict(IReadOnlyList<Subtree> cover)
    {
        foreach (var subtree in held.Where(mine => !cover.Any(wanted => wanted.Contains(mine))).ToArray())
        {
            held.Remove(subtree);
            context.Do(new DropSubtree(subtree));
        }

        foreach (var subtree in held.ToArray())
            MergeUp(subtree, cover);
    }

    /// <summary>The step is applied, or the state that they were computed from is gone.</summary>
    public void Drop()
    {
        foreach (var subtree in held)
            context.Do(new DropSubtree(subtree));
        held.Clear();
    }

    private void MergeUp(Subtree subtree, IReadOnlyList<Subtree> cover)
    {
        while (held.Contains(subtree) && held.Contains(subtree.Sibling) && cover.Any(wanted => wanted.Contains(subtree.Parent)))
        {
            var (left, right) = subtree.IsLeft ? (subtree, subtree.Sibling) : (subtree.Sibling, subtree);
            context.Do(new MergeSubtrees(left, right));
            held.Remove(left);
            held.Remove(right);
            subtree = subtree.Parent;
            held.Add(subtree);
        }

        if (held.Contains(subtree) && cover.Contains(subtree))
            context.Do(new PublishSubtree(subtree));
    }
}
