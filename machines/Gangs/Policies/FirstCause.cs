namespace Coordinator.Machines.Gangs.Policies;

/// <summary>
/// Which of a gang's processes failed first. When one of a gang dies, the others fail as well, within moments, for want of it: what they
/// say is of a lost peer. So among those that ended within a moment of the first, one that says nothing of that is more to blame than one
/// that does, and one that a signal ended more than one that gave up by itself. Before all of them comes rank 0 whose port somebody else
/// had: the others have met that stranger, and say what they like of it.
/// </summary>
public static class FirstCause
{
    /// <summary>Ends that are so close cannot be told apart by the times of different nodes' reports.</summary>
    public static TimeSpan Moment { get; } = TimeSpan.FromSeconds(1);

    private static readonly string[] WordsOfFollowers =
    [
        "connection closed by peer", "connection reset by peer", "broken pipe", "connection refused", "socket timeout",
        "remote process exited",
        "watchdog caught collective", "ncclremoteerror", "ncclsystemerror", "peer closed", "timed out waiting", "connectfullmesh failed",
        "eoferror", "wait timeout",
    ];

    /// <summary>A process's end, on the clock of whoever judges.</summary>
    /// <param name="Rank">Its rank.</param>
    /// <param name="Node">Its node.</param>
    /// <param name="Gpu">Index of its gpu.</param>
    /// <param name="At">When it ended.</param>
    /// <param name="Exit">How.</param>
    public sealed record End(int Rank, NodeId Node, int Gpu, TimeSpan At, GangExit Exit);

    /// <summary>The end to blame, and the ranks that failed after it; null: none failed by itself.</summary>
    public static (End First, IReadOnlyList<int> Followed)? Of(IReadOnlyCollection<End> ends)
    {
        var failed = ends.Where(end => !end.Exit.IsSuccess && (!end.Exit.Asked || end.Exit.Hung)).ToArray();
        if (failed.Length == 0)
            return null;
        var earliest = failed.Min(end => end.At);
        var first = failed.Where(end => end.At <= earliest + Moment)
            .OrderBy(end => !end.Exit.PortTaken).ThenBy(end => IsFollower(end.Exit))
                .ThenBy(end => end.Exit.Signal is null && !end.Exit.Hung).ThenBy(end => end.At).ThenBy(end => end.Rank).First();
        return (first, [.. failed.Where(end => end != first).Select(end => end.Rank).Order()]);
    }

    private static bool IsFollower(GangExit exit) => exit.LastLines.Append(exit.Error)
        .Any(line => WordsOfFollowers.Any(words => line.Contains(words, StringComparison.OrdinalIgnoreCase)));
}
