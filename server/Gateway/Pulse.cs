using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>
/// Which of a connection's heartbeats go on to the node's grain. Each is a turn of it, and a silo with thousands of connections would do
/// little else: the more there are, the fewer of those pass that say nothing new. With a few workers all of them do.
/// </summary>
internal sealed class Pulse(TimeProvider time)
{
    /// <summary>Time between two that pass, for each connection of the silo.</summary>
    private static readonly TimeSpan SpacingPerLink = TimeSpan.FromMicroseconds(500);

    /// <summary>A node's grain takes five seconds of silence for death: this leaves it two.</summary>
    private static readonly TimeSpan LongestSpacing = TimeSpan.FromSeconds(2);

    private long? passedAt;
    private IReadOnlyList<RankPosition> ranks = [];

    /// <summary>Whether a heartbeat goes on.</summary>
    /// <param name="heartbeat">What the worker said.</param>
    /// <param name="links">Connections of the silo.</param>
    public bool Passes(Heartbeat heartbeat, int links)
    {
        var spacing = links * SpacingPerLink < LongestSpacing ? links * SpacingPerLink : LongestSpacing;
        if (passedAt is { } at && time.GetElapsedTime(at) < spacing && IsSameWork(heartbeat.Ranks))
            return false;
        passedAt = time.GetTimestamp();
        ranks = heartbeat.Ranks;
        return true;
    }

    /// <summary>Steps pass by all the time; who serves which job in which generation is news.</summary>
    private bool IsSameWork(IReadOnlyList<RankPosition> now) =>
        now.Count == ranks.Count && now.Zip(ranks).All(pair => pair.First.Job == pair.Second.Job && pair.First.Generation == pair.Second.Generation && pair.First.GpuIndex == pair.Second.GpuIndex);
}
