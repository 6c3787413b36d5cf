using Coordinator.Disk;

namespace Coordinator.Worker.Data;

/// <summary>Walks folders for data files.</summary>
internal static class DataFolder
{
    // Enough to meet a zero byte in practically every binary format.
    private const int SniffBytes = 8192;

    public static bool IsBuildOutput(string folder) => folder is "bin" or "obj" or "artifacts";

    /// <summary>
    /// All files below <paramref name="root"/> that are not empty, in no particular order. Hidden entries, skipped folders and folders of runs
    /// and silos, which hold tokens and databases, are left out. <paramref name="root"/> itself may be one, since a command's own folder may be
    /// where its data are: then what the run made in it is left out.
    /// </summary>
    /// <exception cref="DataException"><see cref="DataProblem.Unreadable"/>: a folder cannot be listed.</exception>
    public static List<DataFile> Walk(string root, Func<string, bool> skipFolder)
    {
        var found = new List<DataFile>();
        var pending = new Stack<(DirectoryInfo Folder, string Prefix)>([(new DirectoryInfo(root), "")]);
        while (pending.TryPop(out var next))
        {
            var entries = List(next.Folder);

            var isOurs = entries.Any(entry => entry.Name is "run.lock" or "run.json" or "coordinator.db");
            if (isOurs && next.Prefix.Length > 0)
                continue;
            foreach (var entry in entries.Where(entry => !entry.Name.StartsWith('.') && !(isOurs && IsMadeByARun(entry)) && !IsFrozen(entry)))
            {
                if (entry is DirectoryInfo folder)
                {
                    // A link may lead back up: following it would never end.
                    if (folder.LinkTarget is null && !skipFolder(folder.Name))
                    {
                        pending.Push((folder, $"{next.Prefix}{folder.Name}/"));
                    }
                }
                else if (LengthOf((FileInfo)entry) > 0)
                {
                    found.Add(new DataFile(entry.FullName, next.Prefix + entry.Name));
                }
            }
        }

        return found;
    }

    /// <summary>Whether a file found in a folder is text or a token shard, told by its name and first bytes.</summary>
    /// <exception cref="DataException"><see cref="DataProblem.Unreadable"/>.</exception>
    public static bool LooksUsable(string path)
    {
        if (path.EndsWith(TokenShard.Extension, StringComparison.Ordinal))
        {
            return true;
        }

        try
        {
            using var handle = RegularFile.OpenHandle(path);
            Span<byte> head = stackalloc byte[SniffBytes];
            head = head[..RandomAccess.Read(handle, head, 0)];
            return TokenShard.HasMagic(head) || !head.Contains((byte)0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.Unreadable(path, e);
        }
    }

    /// <summary>Whether it has the name of something that a run or a silo makes in its own folder.</summary>
    private static bool IsMadeByARun(FileSystemInfo entry) => entry is DirectoryInfo
        ? entry.Name is "silo" or "checkpoints" or "postgres" or "models" || entry.Name.StartsWith("worker-", StringComparison.Ordinal)
        : entry.Name is "run.lock" or "run.json" or "token" or "database" or "postgres.log"
            || entry.Name.StartsWith("coordinator.db", StringComparison.Ordinal)
            || (entry.Extension == ".log" && (entry.Name.StartsWith("silo", StringComparison.Ordinal) || entry.Name.StartsWith("worker-", StringComparison.Ordinal)));

    /// <summary>A frozen copy, which has lost what it was frozen from: its name and its header.</summary>
    private static bool IsFrozen(FileSystemInfo entry) => entry.Name.Length == 68 && entry.Extension == ".bin" && DataStore.IsHash(entry.Name.AsSpan(0, 64));

    private static FileSystemInfo[] List(DirectoryInfo folder)
    {
        try
        {
            return folder.GetFileSystemInfos();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.Unreadable(folder.FullName, e);
        }
    }

    // Pipes and devices have no length, so they are never opened; neither are links that lead nowhere.
    private static long LengthOf(FileInfo file)
    {
        if (OperatingSystem.IsLinux())
            return RegularFile.FactsOf(file.FullName) is { IsRegular: true } facts ? facts.Bytes : 0;
        var target = file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo;
        return target is { Exists: true } ? target.Length : 0;
    }
}
