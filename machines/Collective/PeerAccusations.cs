namespace Coordinator.Machines;

/// <summary>
/// What a rank has to say against other workers. Each node is accused once in a generation, and by one rank of a worker, since its ranks
/// share its connections; what is said is repeated until the job forms the next generation. A loss in a generation that the rank has not
/// heard of yet is kept until it has.
/// </summary>
internal sealed class PeerAccusations(RankContext context)
{
    private readonly SortedDictionary<NodeId, PeerAccused> accusations = [];
    private readonly List<PeerLost> postponed = [];

    /// <summary>A connection of the generation is lost, so nothing more will come of it.</summary>
    public bool IsAborted { get; private set; }

    /// <summary>Whether anybody is accused.</summary>
    public bool Any => accusations.Count > 0;

    /// <summary>
    /// The connections of a generation are opened when its membership is known, and may fail before the order to prepare is here.
    /// </summary>
    public void Postpone(PeerLost lost) => postponed.Add(lost);

    /// <summary>Losses that came before their generation, or before this one.</summary>
    public PeerLost[] TakePostponed()
    {
        PeerLost[] losses = [.. postponed];
        postponed.Clear();
        return losses;
    }

    /// <summary>The generation is lost. Each rank says so for itself, or one that was left out would never be released.</summary>
    public void Abort() => IsAborted = true;

    /// <summary>Accuses a node. False where that was done, or is another rank's to do.</summary>
    public bool Add(NodeId node, Evidence evidence, string detail, bool unreached = false)
    {
        // One voice of a worker is enough, that of its first rank. Members are sorted by node.
        var own = context.Options.Gpu.Node;
        if (context.Members is not { } members || accusations.ContainsKey(node) || node == own)
            return false;
        if (context.Rank > 0 && members.Members[context.Rank - 1].Gpu.Node == own)
            return false;
        var accusation = new PeerAccused
        {
            Job = context.Options.Job,
            Generation = context.Generation,
            Accuser = own,
            Accused = node,
            Evidence = evidence,
            Detail = detail,
            Unreached = unreached ? true : null,
        };
        accusations.Add(node, accusation);
        context.Tell(accusation);
        return true;
    }

    /// <summary>Says all of it again.</summary>
    public void Repeat()
    {
        foreach (var accusation in accusations.Values)
            context.Tell(accusation);
    }

    /// <summary>Another generation begins. What was postponed for it stays.</summary>
    public void Clear()
    {
        accusations.Clear();
        IsAborted = false;
    }
}
