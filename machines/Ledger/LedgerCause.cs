namespace Coordinator.Machines.Ledger;

/// <summary>
/// What a rank-second of a job went to. Names are those of Google's ml-goodput-measurement where it has one. A rank-second has one cause;
/// where several would do, the first of <see cref="All"/> has it.
/// </summary>
public static class LedgerCause
{
    /// <summary>Computing steps that the final model has seen, at the ideal step time.</summary>
    public const string Productive = "productive";

    /// <summary>
    /// Processes of a gang run. Whether they get on only their own program knows, so this stands in place of <see cref="Productive"/>.
    /// </summary>
    public const string Running = "running";

    /// <summary>Steps that were undone since the job went back to an earlier state.</summary>
    public const string WastedProgress = "wasted_progress";

    /// <summary>
    /// Wanted and not there: before there were enough gpus to begin, while too few were left to go on, and ranks that the job wants and
    /// trains without.
    /// </summary>
    public const string Capacity = "capacity";

    /// <summary>From the first generation's question to its plans: processes start, devices and models are made ready.</summary>
    public const string ProgramStartup = "program_startup";

    /// <summary>From the first plans to the first step.</summary>
    public const string TrainingPrep = "training_prep";

    /// <summary>A checkpoint is loaded, or a state that was kept is taken up again.</summary>
    public const string CheckpointRestore = "checkpoint_restore";

    /// <summary>From the last step before a failure until the first step after it.</summary>
    public const string InfrastructureRecovery = "infrastructure_recovery";

    /// <summary>Ranks leave for operators, and are missed until others come.</summary>
    public const string Maintenance = "maintenance";

    /// <summary>Ranks leave for want of power or cooling, or wait for it.</summary>
    public const string Power = "power";

    /// <summary>A rank is being made ready, and the others went on without it or waited for it.</summary>
    public const string Preparing = "preparing";

    /// <summary>Ranks come, or the job was given more steps.</summary>
    public const string Rescale = "rescale";

    /// <summary>Steps that took longer than the ideal while a checkpoint was being saved.</summary>
    public const string CheckpointSave = "checkpoint_save";

    /// <summary>
    /// Steps that took longer than the ideal: all wait for the slowest rank, be it for its device, its host, its network or its data.
    /// </summary>
    public const string Straggler = "straggler";

    /// <summary>From the last step until the model is stored.</summary>
    public const string Finish = "finish";

    /// <summary>All causes, in the order in which they have a rank-second that several could have.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        WastedProgress, Productive, Running, Capacity, Power, Maintenance, CheckpointRestore, InfrastructureRecovery, Preparing, Rescale,
        ProgramStartup, TrainingPrep, CheckpointSave, Straggler, Finish,
    ];
}
