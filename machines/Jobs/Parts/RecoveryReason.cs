namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Why the job is on its way to another generation, and since when. The first cause stands until a generation runs, so that an event which
/// tells how long a recovery took counts from what began it, whatever failed meanwhile.
/// </summary>
internal sealed class RecoveryReason
{
    /// <summary>Why a generation is to form though no member failed, came or goes; null: for no such reason.</summary>
    public string? FormAgain { get; private set; }

    /// <summary>The first cause; null: a generation runs, or none is known.</summary>
    public string? Cause { get; private set; }

    /// <summary>When the first sign of it came; null: there is none.</summary>
    public TimeSpan? Since { get; private set; }

    /// <summary>A generation is to form for a reason of the job's own.</summary>
    public void Ask(string why) => FormAgain ??= why;

    /// <summary>A cause is known.</summary>
    public void NoteCause(string cause) => Cause ??= cause;

    /// <summary>There is a sign that a recovery has begun.</summary>
    public void NoteSign(TimeSpan now) => Since ??= now;

    /// <summary>A generation forms: what was asked for is done.</summary>
    public void NoteFormed() => FormAgain = null;

    /// <summary>The generation runs.</summary>
    public void Clear() => (Since, Cause) = (null, null);
}
