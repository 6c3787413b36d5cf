namespace Coordinator.Worker.Processes;

/// <summary>
/// What a worker lets others start on its host. Whoever may submit a job may run what he likes there, so it is nothing unless the worker's
/// operator says otherwise. Without a user of their own, programs may do all that the worker may.
/// </summary>
public sealed record ProgramPolicy
{
    /// <summary>Nothing is started.</summary>
    public static ProgramPolicy Closed { get; } = new();

    /// <summary>Whether programs are started at all.</summary>
    public bool Allowed { get; init; }

    /// <summary>User that programs run as; null: the worker's own.</summary>
    public ProgramUser? User { get; init; }

    /// <summary>
    /// Mask of the files that programs make, in octal digits; null: the worker's own, under which they are for their owner alone.
    /// </summary>
    public string? Mask { get; init; }

    /// <summary>
    /// Names of variables of the worker's environment that programs get beside the usual ones; a <c>*</c> at the end stands for any rest.
    /// </summary>
    public IReadOnlyList<string> MoreVariables { get; init; } = [];
}
