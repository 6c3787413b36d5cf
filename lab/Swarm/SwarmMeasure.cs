namespace Coordinator.Lab.Swarm;

/// <summary>One thing that was measured.</summary>
/// <param name="Key">Its name for programs.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="Seconds">How long it took; null: it did not come about in time, or was not to be measured here, as
/// <paramref name="Detail"/> says.</param>
/// <param name="Missed">Whether it did not come about in time.</param>
/// <param name="Detail">What happened, or what was waited for in vain.</param>
/// <param name="Beats">Heartbeats a second meanwhile.</param>
/// <param name="Heard">Messages from the silos meanwhile.</param>
/// <param name="HeardBytes">Bytes of those.</param>
/// <param name="Replies">The silo's answers to questions for a node's view meanwhile; null: none came.</param>
/// <param name="Records">Times from a step's report to the word that it is recorded; null: none.</param>
/// <param name="Load">What it cost.</param>
public sealed record SwarmMeasure(
    string Key, string Name, double? Seconds, bool Missed, string Detail, double Beats, long Heard, long HeardBytes, Percentiles? Replies, Percentiles? Records, LoadSample Load)
{
    /// <summary>The generation that all hold at its end, where forming one is what is measured.</summary>
    public long? Generation { get; init; }
}
