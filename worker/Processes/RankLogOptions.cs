namespace Coordinator.Worker.Processes;

/// <summary>Where a rank's log lies.</summary>
/// <param name="Folder">Folder, which is made.</param>
/// <param name="Name">Name without an ending, of letters that a file's name may have.</param>
public sealed record RankLogOptions(string Folder, string Name)
{
    /// <summary>Most bytes that it takes of the disk. Default 16 MiB, at least 64 KiB.</summary>
    public long MostBytes { get; init; } = 16 << 20;
}
