namespace Coordinator.Server.Files;

/// <summary>What lies at a path, once its links are followed.</summary>
public enum FileKind
{
    /// <summary>Nothing, or a link to nothing.</summary>
    Missing,

    /// <summary>A file of bytes on a disk.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A named pipe, or one that a shell has made.</summary>
    Pipe,

    /// <summary>A device of characters, such as <c>/dev/null</c> or a terminal.</summary>
    CharacterDevice,

    /// <summary>A disk.</summary>
    BlockDevice,

    /// <summary>A socket.</summary>
    Socket,
}
