namespace Coordinator.Machines;

/// <summary>Why a job ended without its result, where views group by it (<see cref="EventKinds.JobFailed"/>).</summary>
public static class FailureCause
{
    /// <summary>Somebody has ended it.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>Its loss, gradient or parameters are infinite or no number.</summary>
    public const string Numbers = "not finite";
}
