using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>
/// What one grain, or the silo, wants to have stored: a state, or what was observed. It is stored whole or not at all, whatever becomes of
/// the others of its commit.
/// </summary>
/// <param name="time">Wall time of what happened.</param>
public sealed class CommitEntry(DateTimeOffset time)
{
    /// <summary>Wall time of what happened.</summary>
    public DateTimeOffset Time => time;

    /// <summary>A state; taken where the stored one is lower.</summary>
    public GrainState? State { get; init; }

    /// <summary>Whose observations these are; null: no grain's. Refused once a higher incarnation has stored some.</summary>
    public (GrainAddress Grain, long Incarnation)? Observer { get; init; }

    /// <summary>Events and steps, in order.</summary>
    public IReadOnlyList<Output> Observations { get; init; } = [];

    /// <summary>Whether the commit that was tried last took it.</summary>
    public bool IsTaken { get; set; }

    /// <summary>Ends when it is durable, or refused.</summary>
    internal TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
