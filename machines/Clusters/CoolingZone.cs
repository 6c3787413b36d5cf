namespace Coordinator.Machines.Clusters;

/// <summary>Nodes that are cooled together, and what heat can be taken away from them.</summary>
/// <param name="Name">Its name: 1 to 64 of letters, digits, dots, dashes and underscores.</param>
/// <param name="Nodes">
/// Its nodes: a whole name (<c>n1</c>) or the beginning of names with a star behind it (<c>hall-a-*</c>). A node belongs to the first
/// zone, by name, that names it.
/// </param>
/// <param name="CapacityWatts">Heat that can be taken away, watts: what gpus and hosts draw, without the site's overhead.</param>
public sealed record CoolingZone(string Name, IReadOnlyList<string> Nodes, long CapacityWatts)
{
    /// <summary>Whether a node is one of the zone's.</summary>
    public bool Holds(NodeId node) => Nodes.Any(pattern => pattern.EndsWith('*')
        ? node.Value.StartsWith(pattern[..^1], StringComparison.Ordinal)
        : node.Value == pattern);

    /// <summary>What is wrong with it, one sentence that names the value and what is allowed; null: nothing.</summary>
    public string? Problem()
    {
        if (Name is not { Length: >= 1 and <= 64 } || Name.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')))
            return $"'{PlainText.Line(Name ?? "", 64)}' is no name of a zone; use 1 to 64 letters, digits, dots, dashes and underscores.";
        if (Nodes is not { Count: > 0 })
            return $"zone {Name} has no nodes; name them, such as n1,n2 or hall-a-*.";
        if (Nodes.Any(pattern => pattern is null))
            return $"zone {Name} has a node that is null; name it, such as n1 or hall-a-*.";
        if (Nodes.FirstOrDefault(
            pattern => pattern != "*" && NodeNames.Problem(pattern.EndsWith('*') ? pattern[..^1] : pattern) is not null) is { } wrong)
        {
            return $"'{PlainText.Line(wrong, 64)}' names no nodes; write a node's name, or the beginning of names and one star behind it.";
        }
        if (CapacityWatts is < 0 or > PowerSettings.MostWatts)
            return $"the capacity of zone {Name} is {CapacityWatts}; allowed are 0 to {PowerSettings.MostWatts} W.";
        return null;
    }
}
