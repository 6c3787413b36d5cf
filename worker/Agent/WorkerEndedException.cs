namespace Coordinator.Worker.Agent;

/// <summary>
/// No silo takes this worker, and coming again would change nothing: it ends, so that whoever keeps it up, or its operator, sees why.
/// </summary>
/// <param name="message">What is wrong.</param>
/// <param name="remedy">What to do.</param>
public sealed class WorkerEndedException(string message, string remedy) : Exception(message)
{
    /// <summary>What to do about it.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>
    /// Boot number of the process that has taken the node's name; the worker's next process needs a higher one. Null: the worker was
    /// refused as its command line has it, and was never let in.
    /// </summary>
    public long? DisplacedBy { get; init; }
}
