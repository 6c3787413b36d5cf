namespace Coordinator.Machines.Clusters;

/// <summary>Whether a node is set aside, for how long, and why.</summary>
/// <param name="IsSetAside">Whether it is.</param>
/// <param name="Pause">For how long; then it has another chance.</param>
/// <param name="Reason">In words for people.</param>
public readonly record struct ReachDecision(bool IsSetAside, TimeSpan Pause, string Reason);

/// <summary>
/// When a node whose data port peers could not connect to is offered no more. Two peers that met with the same are believed, since it would
/// take two to be broken; where there is only one peer to say so, it is believed the third time, since either of the two may be at fault
/// and the job goes on with the one that it trained with. Nobody is set aside for good: an address may be corrected without a restart.
/// </summary>
public static class ReachPolicy
{
    /// <summary>Peers that are believed at once.</summary>
    public const int Peers = 2;

    /// <summary>Generations after which one peer is believed.</summary>
    public const int Generations = 3;

    /// <summary>The first pause.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(5);

    /// <summary>The longest.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    /// <summary>What was said so long ago counts no more.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromMinutes(10);

    /// <summary>Decides.</summary>
    /// <param name="address">The node's data address.</param>
    /// <param name="peers">Peers that could not connect, each once.</param>
    /// <param name="generations">Generations in which one could not.</param>
    /// <param name="before">Times that the node was set aside for this address already.</param>
    /// <param name="detail">What the last of the peers met with.</param>
    public static ReachDecision Decide(string address, IReadOnlyCollection<NodeId> peers, int generations, int before, string detail)
    {
        if (peers.Count < Peers && generations < Generations)
        {
            return new ReachDecision(
                false,
                default,
                $"{peers.Count} of {Peers} peers, or {generations} of {Generations} generations, could not connect to {address}");
        }
        var pause = FirstPause * (1 << Math.Min(before, 10));
        pause = pause < LongestPause ? pause : LongestPause;
        var who = string.Join(", ", peers.Order().Take(3)) + (peers.Count > 3 ? $" and {peers.Count - 3} more" : "");
        return new ReachDecision(true, pause, $"no peer reaches its data port {address} ({who}: {detail})");
    }
}
