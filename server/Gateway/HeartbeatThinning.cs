using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>
/// Which of a connection's heartbeats go on to the node's grain, and the last one of all. Each that goes on is a turn of the grain, and a
/// silo with thousands of connections would do little else: the more there are, the fewer of those go on that say nothing new. With a few
/// workers all of them do. What is held back, or is still under way in a silo that is behind, is not lost: a grain whose deadline passes
/// asks for the last one before it takes its node for silent. <see cref="Passes"/> is called by the connection's reader alone,
/// <see cref="Last"/> by anybody.
/// </summary>
/// <param name="longest">Time between two that go on, however many connections there are.</param>
/// <param name="time">The silo's time.</param>
internal sealed class HeartbeatThinning(TimeSpan longest, TimeProvider time)
{
    /// <summary>Time between two that go on, for each connection of the silo.</summary>
    private static readonly TimeSpan SpacingPerLink = TimeSpan.FromMicroseconds(500);

    private long? passedAt;
    private IReadOnlyList<RankPosition> ranks = [];
    private Heard? last;

    /// <summary>The last heartbeat, whether it went on or not, and how long ago it came; null: none has come.</summary>
    public (Heartbeat Heartbeat, TimeSpan Age)? Last =>
        Volatile.Read(ref last) is { } heard ? (heard.Heartbeat, time.GetElapsedTime(heard.At)) : null;

    /// <summary>Whether a heartbeat goes on.</summary>
    /// <param name="heartbeat">What the worker said.</param>
    /// <param name="links">Connections of the silo.</param>
    public bool Passes(Heartbeat heartbeat, int links)
    {
        var now = time.GetTimestamp();
        Volatile.Write(ref last, new Heard(heartbeat, now));
        var spacing = links * SpacingPerLink < longest ? links * SpacingPerLink : longest;
        if (passedAt is { } at && time.GetElapsedTime(at, now) < spacing && IsSameWork(heartbeat.Ranks))
            return false;
        passedAt = now;
        ranks = heartbeat.Ranks;
        return true;
    }

    /// <summary>Steps pass by all the time; who serves which job in which generation is news.</summary>
    private bool IsSameWork(IReadOnlyList<RankPosition> now) =>
        now.Count == ranks.Count && now.Zip(ranks).All(
            pair => pair.First.Job == pair.Second.Job && pair.First.Generation == pair.Second.Generation
                && pair.First.GpuIndex == pair.Second.GpuIndex);

    private sealed record Heard(Heartbeat Heartbeat, long At);
}
