using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>
/// Which of a connection's heartbeats go on to the node's grain, and the last one that did not. Each that goes on is a turn of the grain,
/// and a silo with thousands of connections would do little else: the more there are, the fewer of those go on that say nothing new. With a
/// few workers all of them do. What was held back is not lost: a grain whose deadline passes asks for it before it takes its node for
/// silent. <see cref="Passes"/> is called by the connection's reader alone, <see cref="TakeHeldBack"/> by anybody.
/// </summary>
/// <param name="longest">Time between two that go on, however many connections there are.</param>
/// <param name="time">The silo's time.</param>
internal sealed class HeartbeatThinning(TimeSpan longest, TimeProvider time)
{
    /// <summary>Time between two that go on, for each connection of the silo.</summary>
    private static readonly TimeSpan SpacingPerLink = TimeSpan.FromMicroseconds(500);

    private long? passedAt;
    private IReadOnlyList<RankPosition> ranks = [];
    private Held? held;

    /// <summary>Whether a heartbeat goes on; if not, it is held back in place of the one before it.</summary>
    /// <param name="heartbeat">What the worker said.</param>
    /// <param name="links">Connections of the silo.</param>
    public bool Passes(Heartbeat heartbeat, int links)
    {
        var spacing = links * SpacingPerLink < longest ? links * SpacingPerLink : longest;
        if (passedAt is { } at && time.GetElapsedTime(at) < spacing && IsSameWork(heartbeat.Ranks))
        {
            Volatile.Write(ref held, new Held(heartbeat, time.GetTimestamp()));
            return false;
        }

        passedAt = time.GetTimestamp();
        ranks = heartbeat.Ranks;
        Volatile.Write(ref held, null);
        return true;
    }

    /// <summary>The last heartbeat since the one that went on, and how long ago it came; null: there is none, or it was taken.</summary>
    public (Heartbeat Heartbeat, TimeSpan Age)? TakeHeldBack() =>
        Interlocked.Exchange(ref held, null) is { } taken ? (taken.Heartbeat, time.GetElapsedTime(taken.At)) : null;

    /// <summary>Steps pass by all the time; who serves which job in which generation is news.</summary>
    private bool IsSameWork(IReadOnlyList<RankPosition> now) =>
        now.Count == ranks.Count && now.Zip(ranks).All(
            pair => pair.First.Job == pair.Second.Job && pair.First.Generation == pair.Second.Generation
                && pair.First.GpuIndex == pair.Second.GpuIndex);

    private sealed record Held(Heartbeat Heartbeat, long At);
}
