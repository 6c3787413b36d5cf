namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// A checkpoint cannot be used: missing, incomplete, damaged, of another job's shape, or pointing outside its folder. The message says
/// which, and what may be done.
/// </summary>
public sealed class CheckpointException : Exception
{
    /// <summary>An error.</summary>
    public CheckpointException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
