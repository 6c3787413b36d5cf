namespace Coordinator.Runs.Alerts;

/// <summary>What can be alerted on.</summary>
/// <param name="Name">Its name, as files and messages write it.</param>
/// <param name="Threshold">What its number means, for people.</param>
/// <param name="Default">Its line in the shipped file, without the name.</param>
/// <param name="Remedy">What to do.</param>
public sealed record AlertRule(string Name, string Threshold, string Default, string Remedy)
{
    /// <summary>A job that trains records no step.</summary>
    public static AlertRule StalledProgress { get; } = new(
        "stalled-progress", "a job that trains records no step for so long", "5m",
        "See what it waits for with 'coordinator describe JOB' and 'coordinator report JOB'.");

    /// <summary>A job is interrupted again and again.</summary>
    public static AlertRule RestartStorm { get; } = new(
        "restart-storm", "a job is interrupted by failures so often in such a time", "5 in 10m",
        "See what comes first each time with 'coordinator report JOB'; drain the node at which it begins.");

    /// <summary>A gang has few restarts left.</summary>
    public static AlertRule RestartBudgetLow { get; } = new(
        "restart-budget-low", "a gang that has restarted has so many restarts left, or fewer", "1",
        "See its failures with 'coordinator describe JOB' before it ends for good.");

    /// <summary>A job lacks ranks, and no gpu is free.</summary>
    public static AlertRule SparesExhausted { get; } = new(
        "spares-exhausted", "a job lacks ranks and no gpu of the cluster is free, for so long", "2m",
        "Return drained nodes with 'coordinator uncordon', start workers, or lower another job's priority.");

    /// <summary>A node offends again and again.</summary>
    public static AlertRule SuspectNode { get; } = new(
        "suspect-node", "failures begin at a node, or gpus of it are quarantined, so often in such a time", "2 in 1h",
        "Drain it with 'coordinator drain node NODE --reason …' and see to it.");

    /// <summary>One member holds a job's only state.</summary>
    public static AlertRule OneHolder { get; } = new(
        "one-holder", "one rank alone holds the state of a job that wants more, for so long", "1m",
        "Give the job a second gpu, or save a checkpoint with 'coordinator checkpoint save JOB'.");

    /// <summary>A job that trains has saved nothing for long.</summary>
    public static AlertRule CheckpointAge { get; } = new(
        "checkpoint-age", "a job that trains and saves has no newer checkpoint for so long", "1h",
        "See why nothing is saved with 'coordinator describe JOB'; the checkpoint folder may be full or away.");

    /// <summary>A silo does not answer.</summary>
    public static AlertRule SiloLost { get; } = new(
        "silo-lost", "a silo does not answer for so long", "30s",
        "See whether its process and its host live; jobs go on, and nothing is decided for them where no silo is left.");

    /// <summary>A silo's storage is away.</summary>
    public static AlertRule StorageAway { get; } = new(
        "storage-away", "a silo answers that it is not well for so long", "30s",
        "See to its database or its disk: nothing can be decided before it is back.");

    /// <summary>The site draws nearly what it may.</summary>
    public static AlertRule PowerNearCap { get; } = new(
        "power-near-cap", "the site draws so much of what it may", "95%",
        "See 'coordinator power'; jobs of low priority give gpus back when it is reached.");

    /// <summary>A loss is no number.</summary>
    public static AlertRule LossNotFinite { get; } = new(
        "loss-not-finite", "the loss of a job is infinite or no number", "on",
        "Lower optimizer.learning_rate or set optimizer.gradient_clip, and go on from a checkpoint.");

    /// <summary>A job has failed.</summary>
    public static AlertRule JobFailed { get; } = new(
        "job-failed", "a job ends without its result, and nobody has cancelled it", "on",
        "Its reason is in the message; 'coordinator report JOB' tells what led to it.");

    /// <summary>All rules, in the order of the shipped file.</summary>
    public static IReadOnlyList<AlertRule> All { get; } =
    [
        StalledProgress, RestartStorm, RestartBudgetLow, SparesExhausted, SuspectNode, OneHolder, CheckpointAge, SiloLost, StorageAway,
        PowerNearCap, LossNotFinite, JobFailed,
    ];
}
