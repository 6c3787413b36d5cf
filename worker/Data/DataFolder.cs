using Coordinator.Disk;

namespace Coordinator.Worker.Data;

/// <summary>Walks folders for data files.</summary>
internal static class DataFolder
{
    // Enough to meet a zero byte in practically every binary format.
    private const int SniffBytes = 8192;

    public static bool IsBuildOutput(string folder) => folder is "bin" or "obj" or "artifacts";

    /// <summary>All files below <paramref name="root"/> that are not empty, in no particular order. Hidden entries, skipped folders and
    /// folders of runs, which hold tokens and databases, are left out.</summary>
    /// <exception cref="DataException"><see cref="DataProblem.Unreadable"/>: a folder cannot be listed.</exception>
    public static List<DataFile> Walk(string root, Func<string, bool> skipFolder)
    {
        var found = new List<DataFile>();
        var pending = new Stack<(DirectoryInfo Folder, string Prefix)>([(new DirectoryInfo(root), "")]);
        while (pending.TryPop(out var next))
        {
            var entries = List(next.Folder);

            // What was named itself is walked whatever it is: a command's own folder may be where its data are.
            if (next.Prefix.Length > 0 && entries.Any(entry => entry.Name is "run.lock" or "run.json"))
                continue;
            foreach (var entry in entries.Where(entry => !entry.Name.StartsWith('.')))
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
