namespace Coordinator.Machines.Clusters;

/// <summary>Why a gpu that a job has is of no use to it for long.</summary>
/// <param name="Kind">One of the constants.</param>
/// <param name="Reason">For people.</param>
/// <param name="Since">When it began, in the machine's time.</param>
internal sealed record GpuLimit(string Kind, string Reason, TimeSpan Since)
{
    /// <summary>The site draws too much: the job is to go on without it.</summary>
    public const string Shed = "shed";

    /// <summary>The job has too few gpus to go on with, and another one waits for them.</summary>
    public const string Idle = "idle";

    /// <summary>Its cooling zone is too hot: its work is to move.</summary>
    public const string Throttled = "throttled";

    /// <summary>Operators have drained it: its work is to move, as soon as the job can go on without it.</summary>
    public const string Drained = "drained";

    /// <summary>It waits for the ramp limit. Said in views; such a gpu will be of use soon.</summary>
    public const string Ramp = "ramp";
}
