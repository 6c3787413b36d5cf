namespace Coordinator.Worker.Processes;

/// <summary>Where a line of a rank's log is from.</summary>
public enum LogStream
{
    /// <summary>The program's standard output.</summary>
    Output,

    /// <summary>The program's standard error.</summary>
    Error,

    /// <summary>The coordinator, about the program.</summary>
    Coordinator,
}
