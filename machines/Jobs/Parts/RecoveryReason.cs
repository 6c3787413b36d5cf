namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Why the job is on its way to another generation, and since when. The first cause stands until a generation runs, so that an event which
/// tells how long a recovery took counts from what began it, whatever failed meanwhile.
/// </summary>
internal sealed class RecoveryReason
{
    /// <summary>A member leaves in order.</summary>
    public const string Leaves = "rank leaves";

    /// <summary>A gpu becomes a member.</summary>
    public const string Joins = "rank joins";

    /// <summary>A member is not ready, and the others go on without it.</summary>
    public const string Prepares = "rank prepares";

    /// <summary>What a silo had decided before it ended is done again.</summary>
    public const string SiloRestart = "silo restart";

    /// <summary>No member holds the state.</summary>
    public const string StateLost = "state out of reach";

    /// <summary>The job keeps its state and computes nothing, for want of power or cooling.</summary>
    public const string Parked = "parked";

    /// <summary>A parked job may compute again.</summary>
    public const string Unparked = "unparked";

    /// <summary>A member cannot read the checkpoint that the job goes back to.</summary>
    public const string Unreadable = "checkpoint unreadable";

    /// <summary>The job was given more steps.</summary>
    public const string MoreSteps = "more steps";

    /// <summary>Why a generation is to form though no member failed, came or goes; null: for no such reason.</summary>
    public string? FormAgain { get; private set; }

    /// <summary>The cause of that reason; null: there is none.</summary>
    public string? FormCause { get; private set; }

    /// <summary>The first cause; null: a generation runs, or none is known.</summary>
    public string? Cause { get; private set; }

    /// <summary>When the first sign of it came; null: there is none.</summary>
    public TimeSpan? Since { get; private set; }

    /// <summary>A generation is to form for a reason of the job's own.</summary>
    /// <param name="why">For people.</param>
    /// <param name="cause">In a word or two that views group by, unless a cause is known.</param>
    public void Ask(string why, string cause = SiloRestart) => (FormAgain, FormCause) = (FormAgain ?? why, FormCause ?? cause);

    /// <summary>A cause is known.</summary>
    public void NoteCause(string cause) => Cause ??= cause;

    /// <summary>There is a sign that a recovery has begun.</summary>
    public void NoteSign(TimeSpan now) => Since ??= now;

    /// <summary>A generation forms: what was asked for is done.</summary>
    public void NoteFormed() => (FormAgain, FormCause) = (null, null);

    /// <summary>The generation runs.</summary>
    public void Clear() => (Since, Cause) = (null, null);
}
