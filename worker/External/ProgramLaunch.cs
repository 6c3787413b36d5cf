using Coordinator.Worker.Processes;

namespace Coordinator.Worker.External;

/// <summary>How a program's process is started.</summary>
public sealed record ProgramLaunch
{
    /// <summary>Starts it, and sees that it does not outlive this worker.</summary>
    public required ProgramLauncher Launcher { get; init; }

    /// <summary>The executable, then its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Folder in which it starts.</summary>
    public required string Folder { get; init; }

    /// <summary>Variables that are set for it, over those of the worker's environment that it is let inherit.</summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>Where its output goes.</summary>
    public required RankLogOptions Log { get; init; }
}
