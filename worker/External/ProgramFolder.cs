using System.Reflection;
using System.Security.Cryptography;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Files;

namespace Coordinator.Worker.External;

/// <summary>
/// A script and the folder around it as one file that is named by its content, like data: the same files make the same bytes, whoever packs
/// them and when. What runs on any node is what was packed, whatever happens to the folder afterwards.
/// </summary>
public static class ProgramFolder
{
    /// <summary>Largest folder, bytes.</summary>
    public const long MostBytes = 64L << 20;

    private const int MostFiles = 10_000;

    /// <summary>Kinds of files that belong to a program; of others only the entry itself is taken. Models and data sets are none.</summary>
    private static readonly string[] Taken =
    [
        ".py", ".pyi", ".so", ".json", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".txt", ".csv", ".tsv", ".c", ".h", ".cpp", ".cu", ".sh",
    ];

    /// <summary>What else belongs to a program in .NET: its assemblies, and what a fault's line is known by.</summary>
    private static readonly string[] TakenOfAssemblies = [".dll", ".pdb", ".dylib"];

    /// <summary>Packs the folder of a script into a store of frozen files.</summary>
    /// <param name="script">Full path of the script.</param>
    /// <param name="store">The store; the file is named by its hash.</param>
    /// <exception cref="DataException">The script is missing or unreadable, the folder too large, or the store cannot be
    /// written.</exception>
    public static (string Sha256, long Bytes) Freeze(string script, string store)
    {
        RefuseWhatNobodyCanStart(script);
        var files = Files(script);
        try
        {
            using var packed = AtomicFile.Create(store, "program");
            PackedFolder.Pack(files, packed.Stream);
            packed.Stream.Position = 0;
            var sha256 = Convert.ToHexStringLower(SHA256.HashData(packed.Stream));
            var bytes = packed.Stream.Length;
            packed.Commit(DataStore.PathOf(store, sha256));
            return (sha256, bytes);
        }
        catch (Exception failed) when (StorageFailure.Is(failed))
        {
            throw new DataException(
                DataProblem.Unreadable, $"{script}: its folder cannot be packed into {store}: {StorageFailure.Words(failed)}", failed);
        }
    }

    /// <summary>Unpacks a frozen program, once for all that run it on this node.</summary>
    /// <param name="packed">The file, whose hash was found right.</param>
    /// <param name="folder">Where it goes; there is nothing there, or the same.</param>
    /// <exception cref="DataException">It is no packed folder.</exception>
    public static void Unpack(string packed, string folder)
    {
        if (Directory.Exists(folder))
            return;
        var partial = $"{folder}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = File.OpenRead(packed))
                PackedFolder.Unpack(stream, partial);
            Directory.Move(partial, folder);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            if (Directory.Exists(partial))
                Directory.Delete(partial, recursive: true);
            if (!Directory.Exists(folder))
                throw new DataException(DataProblem.Corrupt, $"{packed}: cannot be unpacked into {folder}: {failed.Message}", failed);
        }
    }

    /// <summary>
    /// What is not started by Python is started by the operating system, on every node: said here, once, and not by each rank.
    /// </summary>
    private static void RefuseWhatNobodyCanStart(string script)
    {
        if (LengthOf(script) == 0)
            throw new DataException(DataProblem.Empty, $"{script}: the file is empty; name the program's script");
        if (ProgramKinds.OfEntry(script).IsLoaded)
        {
            RefuseNoAssembly(script);
            return;
        }

        const UnixFileMode executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        if (Path.GetExtension(script) != ".py" && !OperatingSystem.IsWindows() && (File.GetUnixFileMode(script) & executable) == 0)
        {
            throw new DataException(
                DataProblem.WrongFormat, $"{script}: is neither a Python script (its name does not end in .py) nor executable; "
                + $"rename it, or make it executable: chmod +x {ShellWord.Of(script)}");
        }
    }

    /// <summary>
    /// Opening never waits, and says what lies there: a folder, a pipe, a device, nothing, or what this user may not see.
    /// </summary>
    private static long LengthOf(string script)
    {
        try
        {
            if (RegularFile.FactsOf(script) is { IsRegular: false } other)
                throw new DataException(DataProblem.WrongFormat, $"{script} is {other.Kind} and no program; name the program's script");
            using var handle = RegularFile.OpenHandle(script);
            return RandomAccess.GetLength(handle);
        }
        catch (Exception none) when (none is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataException(DataProblem.Missing, $"{script}: there is no such file; name the program's script", none);
        }
        catch (Exception closed) when (closed is IOException or UnauthorizedAccessException)
        {
            throw new DataException(
                DataProblem.Unreadable,
                $"{script}: cannot be read ({closed.Message}); name the program's script, and let this user read it",
                closed);
        }
    }

    private static void RefuseNoAssembly(string path)
    {
        try
        {
            AssemblyName.GetAssemblyName(path);
        }
        catch (Exception e) when (e is BadImageFormatException or FileLoadException)
        {
            throw new DataException(
                DataProblem.WrongFormat, $"{path}: is no assembly of .NET, though its name ends in .dll; name what dotnet build made", e);
        }
    }

    private static SortedDictionary<string, string> Files(string script)
    {
        var root = Path.GetDirectoryName(script)!;
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal) { [Path.GetFileName(script)] = script };
        var bytes = new FileInfo(script).Length;
        var taken = ProgramKinds.OfEntry(script).IsLoaded ? [.. Taken, .. TakenOfAssemblies] : Taken;
        try
        {
            foreach (var file in new DirectoryInfo(root).EnumerateFiles("*", new EnumerationOptions
            {
                RecurseSubdirectories = true,
                AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden,
            }))
            {
                var name = Path.GetRelativePath(root, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
                if (!taken.Contains(file.Extension)
                    || name.Split('/').Any(part => part.StartsWith('.') || part is "__pycache__" or "node_modules")
                    || !files.TryAdd(name, file.FullName))
                {
                    continue;
                }
                bytes += file.Length;
                if (bytes > MostBytes || files.Count > MostFiles)
                {
                    throw new DataException(
                        DataProblem.TooShort, $"{root}: the folder of a program is packed and brought to every node, and with {name} it "
                            + $"has more than {MostBytes >> 20} MiB or {MostFiles} files; "
                        + "put the script and its modules into a folder of their own");
                }
            }
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new DataException(DataProblem.Unreadable, $"{root}: cannot be read: {failed.Message}", failed);
        }

        return files;
    }
}
