namespace Coordinator.Programs;

/// <summary>
/// A program cannot compute the job: the message says which setting or which data are at fault and what would do instead, and whoever
/// submitted the job reads it. Thrown by the constructor of a program; the job then ends, and nothing is tried again.
/// </summary>
/// <param name="message">One sentence for whoever submitted the job.</param>
public sealed class ProgramException(string message) : Exception(message);
