using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>
/// A file system of a few megabytes in memory that only the processes which are started with it see, in place of a folder.
/// </summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private const string Filler = "filler";

    private readonly Namespace mount;
    private readonly string folder;

    private SmallDisk(Namespace mount, string folder) => (this.mount, this.folder) = (mount, folder);

    /// <summary>The folder, as this process reaches it.</summary>
    public string Seen => string.Create(CultureInfo.InvariantCulture, $"/proc/{mount.Pid}/root{folder}");

    /// <summary>Mounts one over <paramref name="folder"/>, which is created.</summary>
    /// <exception cref="ChaosException">It cannot be mounted.</exception>
    public static async Task<SmallDisk> CreateAsync(string folder, int megabytes, string logPath)
    {
        Directory.CreateDirectory(folder);
        var size = string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m");
        return new SmallDisk(await Namespace.CreateAsync("mount", "mount -t tmpfs -o \"$1\" tmpfs \"$2\"", logPath, size, folder), folder);
    }

    /// <summary>The command that runs another one with it.</summary>
    public ProcessStartInfo Enter(ProcessStartInfo command) => mount.Enter(command);

    /// <summary>Writes until no byte is left.</summary>
    /// <returns>Bytes that were free.</returns>
    public long Fill()
    {
        using var file = new FileStream(Path.Combine(Seen, Filler), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var piece = new byte[1 << 16]; piece.Length > 0;)
        {
            try
            {
                file.Write(piece);
            }
            catch (IOException)
            {
                // Full for a piece so long; the rest goes in shorter ones.
                piece = new byte[piece.Length / 2];
            }
        }

        return file.Length;
    }

    /// <summary>Gives the room back.</summary>
    public void Free() => File.Delete(Path.Combine(Seen, Filler));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => mount.DisposeAsync();
}
