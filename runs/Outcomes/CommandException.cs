namespace Coordinator.Runs.Outcomes;

/// <summary>A command cannot go on, for a reason that its user can do something about.</summary>
public sealed class CommandException(int exitCode, string message, string? remedy, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Exit code.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>What to do about it; null where the message says so itself.</summary>
    public string? Remedy { get; } = remedy;
}
