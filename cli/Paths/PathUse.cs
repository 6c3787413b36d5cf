namespace Coordinator.Cli.Paths;

/// <summary>What a command does with a path that its user names.</summary>
public enum PathUse
{
    /// <summary>Reads a file.</summary>
    Read,

    /// <summary>Reads a file, every file below a folder, or those that a glob names.</summary>
    ReadAny,

    /// <summary>Reads a folder that is there.</summary>
    ReadFolder,

    /// <summary>Writes a file, and looks at its place before anything else is done.</summary>
    Write,

    /// <summary>Reads a file, or makes it where it is missing.</summary>
    ReadOrMake,

    /// <summary>Writes into a folder, which is made where it is missing.</summary>
    Folder,
}
