using System.Numerics;

namespace Coordinator.Machines.Jobs.Policies;

/// <summary>One worker accuses another.</summary>
public readonly record struct Accusation(NodeId Accuser, NodeId Accused);

/// <summary>
/// Whom to exclude when workers accuse each other: a smallest set of nodes that touches every accusation, since each accusation is
/// explained by either of its ends being broken. Ties go to the set with more accusers, then to the higher nodes.
/// </summary>
public static class Blame
{
    /// <summary>Up to this many nodes all sets are tried; beyond, the most accused are taken one after the other.</summary>
    private const int ExactNodes = 12;

    /// <summary>The nodes to exclude, sorted.</summary>
    public static IReadOnlyList<NodeId> SmallestCover(IEnumerable<Accusation> accusations)
    {
        var edges = accusations.Where(edge => edge.Accuser != edge.Accused).Distinct().ToArray();
        var nodes = edges.SelectMany(edge => new[] { edge.Accuser, edge.Accused }).Distinct().Order().ToArray();
        if (nodes.Length == 0)
            return [];
        return nodes.Length <= ExactNodes ? Exact(nodes, edges) : Greedy(edges);
    }

    private static NodeId[] Exact(NodeId[] nodes, Accusation[] edges)
    {
        var ends = edges.Select(
            edge => (Accuser: 1u << Array.IndexOf(nodes, edge.Accuser), Accused: 1u << Array.IndexOf(nodes, edge.Accused))).ToArray();
        var (best, bestSize, bestAccusers) = (0u, int.MaxValue, -1);

        // Ascending, so that of sets equal in size and accusers the one with the higher nodes is met last and wins.
        for (var set = 1u; set < 1u << nodes.Length; set++)
        {
            if (ends.Any(end => (set & (end.Accuser | end.Accused)) == 0))
                continue;
            var size = BitOperations.PopCount(set);
            var accusers = ends.Count(end => (set & end.Accused) != 0);
            if (size < bestSize || (size == bestSize && accusers >= bestAccusers))
                (best, bestSize, bestAccusers) = (set, size, accusers);
        }

        return [.. nodes.Where((_, i) => (best & (1u << i)) != 0)];
    }

    private static NodeId[] Greedy(Accusation[] edges)
    {
        var chosen = new SortedSet<NodeId>();
        var open = edges.ToList();
        while (open.Count > 0)
        {
            var worst = open.SelectMany(edge => new[] { (Node: edge.Accused, Accused: 1), (Node: edge.Accuser, Accused: 0) })
                .GroupBy(end => end.Node)
                .OrderByDescending(ends => ends.Count())
                .ThenByDescending(ends => ends.Sum(end => end.Accused))
                .ThenByDescending(ends => ends.Key)
                .First().Key;
            chosen.Add(worst);
            open.RemoveAll(edge => edge.Accuser == worst || edge.Accused == worst);
        }

        return [.. chosen];
    }
}
