using System.Formats.Tar;
using Coordinator.Worker.Processes;

namespace Coordinator.Worker.Gangs;

/// <summary>
/// A folder as one file, the same bytes for the same contents: entries in the order of their names, without times and owners. Regular files
/// and folders only: a link may point anywhere on the node that it is unpacked on.
/// </summary>
public static class Bundle
{
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Freezes a folder.</summary>
    /// <exception cref="InvalidDataException">Something in it is neither a file nor a folder.</exception>
    public static async Task PackAsync(string folder, Stream to, CancellationToken cancel)
    {
        var writer = new TarWriter(to, TarEntryFormat.Pax, leaveOpen: true);
        await using (writer.ConfigureAwait(false))
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                var name = Path.GetRelativePath(folder, path);
                if (new FileInfo(path).LinkTarget is not null)
                    throw new InvalidDataException($"{path} is a link; a bundle holds files and folders");
                if (Directory.Exists(path))
                {
                    await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.Directory, name) { Mode = Readable | Executable, ModificationTime = DateTimeOffset.UnixEpoch }, cancel).ConfigureAwait(false);
                    continue;
                }

                var content = new FileStream(path, FileMode.Open, FileAccess.Read);
                await using (content.ConfigureAwait(false))
                {
                    var mode = OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path) & UnixFileMode.UserExecute;
                    await writer.WriteEntryAsync(
                        new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = content, Mode = mode == 0 ? Readable : Readable | Executable, ModificationTime = DateTimeOffset.UnixEpoch }, cancel).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Unpacks what <see cref="PackAsync"/> has packed into a folder, which is made.</summary>
    /// <param name="from">The file.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="user">Whose it is to be; null: this process's user.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="InvalidDataException">It holds something else than files and folders, or reaches out of the folder.</exception>
    public static async Task UnpackAsync(Stream from, string folder, ProgramUser? user, CancellationToken cancel)
    {
        var root = Directory.CreateDirectory(folder).FullName;
        var made = new List<string> { root };
        var reader = new TarReader(from, leaveOpen: true);
        await using (reader.ConfigureAwait(false))
        {
            while (await reader.GetNextEntryAsync(copyData: false, cancel).ConfigureAwait(false) is { } entry)
            {
                var path = Path.GetFullPath(Path.Combine(root, entry.Name));
                if (!path.StartsWith(root + "/", StringComparison.Ordinal))
                    throw new InvalidDataException($"'{entry.Name}' in the bundle reaches out of it");
                if (entry.EntryType == TarEntryType.Directory)
                    Directory.CreateDirectory(path);
                else if (entry.EntryType is TarEntryType.RegularFile)
                    await entry.ExtractToFileAsync(path, overwrite: false, cancel).ConfigureAwait(false);
                else
                    throw new InvalidDataException($"'{entry.Name}' in the bundle is neither a file nor a folder");
                made.Add(path);
            }
        }

        if (user is { Prefix.Count: > 0 })
        {
            foreach (var path in made)
                NativeProcess.GiveTo(path, user);
        }
    }
}
