using System.Runtime.InteropServices;

namespace Coordinator.Worker.Processes;

/// <summary>What is to be started: a foreign program, which gets nothing of the worker's but what is named here.</summary>
public sealed record ProgramCommand
{
    /// <summary>Most <see cref="Handles"/> that a program can be given.</summary>
    public const int MostHandles = 5;

    /// <summary>
    /// The program and its arguments. The program is looked for in the PATH of <see cref="Environment"/> where it has no slash.
    /// </summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Folder in which it starts.</summary>
    public required string WorkFolder { get; init; }

    /// <summary>Its whole environment, but for the two marks by which the launcher knows its own programs.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>
    /// Open files that it inherits as descriptors 3, 4 and so on, at most <see cref="MostHandles"/>. They stay the caller's.
    /// </summary>
    public IReadOnlyList<SafeHandle> Handles { get; init; } = [];

    /// <summary>Folders that the program's user is to own, where <see cref="ProgramPolicy.User"/> names one.</summary>
    public IReadOnlyList<string> OwnedFolders { get; init; } = [];

}
