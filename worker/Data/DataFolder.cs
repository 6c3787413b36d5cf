using Coordinator.Disk;

namespace Coordinator.Worker.Data;

/// <summary>What is in a folder of data: what can be trained on, and what is passed over, with the reason for each.</summary>
internal sealed class DataFolder
{
    /// <summary>Why an entry is passed over whose name begins with a dot.</summary>
    public const string Hidden = "hidden";

    private readonly List<LeftOut> leftOut = [];
    private readonly List<DataFile> files = [];

    private readonly string root;

    private DataFolder(string root) => this.root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)) + Path.DirectorySeparatorChar;

    /// <summary>All files that are not empty, in no particular order.</summary>
    public IReadOnlyList<DataFile> Files => files;

    /// <summary>What was passed over, and why. It grows while <see cref="Takes"/> is asked.</summary>
    public IReadOnlyList<LeftOut> LeftOut => leftOut;

    public static bool IsBuildOutput(string folder) => folder is "bin" or "obj" or "artifacts";

    /// <summary>
    /// All files below <paramref name="root"/> that are not empty. Hidden entries, skipped folders and folders of runs
    /// and silos, which hold tokens and databases, are left out. <paramref name="root"/> itself may be one, since a command's own folder
    /// may be where its data are: then what the run made in it is left out.
    /// </summary>
    /// <exception cref="DataException"><see cref="DataProblem.Unreadable"/>: a folder cannot be listed.</exception>
    public static DataFolder Walk(string root, Func<string, bool> skipFolder)
    {
        var walk = new DataFolder(root);
        var pending = new Stack<(DirectoryInfo Folder, string Prefix)>([(new DirectoryInfo(root), "")]);
        while (pending.TryPop(out var next))
        {
            var entries = List(next.Folder);
            var isOurs = entries.Any(entry => entry.Name is "run.lock" or "run.json" or "coordinator.db");
            if (isOurs && next.Prefix.Length > 0)
            {
                walk.Leave(next.Prefix.TrimEnd('/'), "the folder of a run or a silo");
                continue;
            }

            foreach (var entry in entries)
            {
                var path = next.Prefix + entry.Name;
                if (walk.WhyPassedOver(entry, isOurs, skipFolder) is { } why)
                    walk.Leave(path, why);
                else if (entry is DirectoryInfo folder)
                    pending.Push((folder, $"{path}/"));
                else
                    walk.files.Add(FileOf(entry, path, walk.root));
            }
        }

        return walk;
    }

    /// <summary>Whether a file found in a folder is text or a token shard, told by its name and first bytes.</summary>
    /// <exception cref="DataException"><see cref="DataProblem.Unreadable"/>; <see cref="DataProblem.WrongFormat"/>: it holds what may
    /// well be meant, and cannot be read.</exception>
    public bool Takes(DataFile file)
    {
        try
        {
            using var handle = RegularFile.OpenHandle(file.Path);
            Span<byte> head = stackalloc byte[FileFormats.HeadBytes];
            head = head[..RandomAccess.Read(handle, head, 0)];
            if (FileFormats.Of(head) is { } format)
            {
                if (format.HoldsData)
                    throw DataFreezer.WrongFormat(file.Path, format);
                Leave(file.RelativePath, format.Name);
                return false;
            }

            if (TokenShard.HasMagic(head) || file.Path.EndsWith(TokenShard.Extension, StringComparison.Ordinal)
                || FileFormats.FirstZero(head) < 0)
            {
                return true;
            }
            Leave(file.RelativePath, "no text (it has zero bytes)");
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.Unreadable(file.Path, e);
        }
    }

    private void Leave(string path, string why) => leftOut.Add(new LeftOut(path, why));

    private string? WhyPassedOver(FileSystemInfo entry, bool isOurs, Func<string, bool> skipFolder)
    {
        if (entry.Name.StartsWith('.'))
            return Hidden;
        if (isOurs && IsMadeByARun(entry))
            return "made by a run or a silo";
        if (IsFrozen(entry))
            return "a frozen copy of data";
        if (entry is DirectoryInfo folder)
        {
            // A link may lead back up: following it would never end.
            return folder.LinkTarget is not null ? "a link to a folder" : skipFolder(folder.Name) ? "a folder of build outputs" : null;
        }

        return WhyNoContent((FileInfo)entry);
    }

    /// <summary>Whether it has the name of something that a run or a silo makes in its own folder.</summary>
    private static bool IsMadeByARun(FileSystemInfo entry) => entry is DirectoryInfo
        ? entry.Name is "silo" or "checkpoints" or "postgres" or "models" || entry.Name.StartsWith("worker-", StringComparison.Ordinal)
        : entry.Name is "run.lock" or "run.json" or "token" or "database" or "postgres.log"
            || entry.Name.StartsWith("coordinator.db", StringComparison.Ordinal)
            || (entry.Extension == ".log"
                && (entry.Name.StartsWith("silo", StringComparison.Ordinal) || entry.Name.StartsWith("worker-", StringComparison.Ordinal)));

    /// <summary>A frozen copy, which has lost what it was frozen from: its name and its header.</summary>
    private static bool IsFrozen(FileSystemInfo entry) =>
        entry.Name.Length == 68 && entry.Extension == ".bin" && DataStore.IsHash(entry.Name.AsSpan(0, 64));

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
    private static string? WhyNoContent(FileInfo file)
    {
        if (OperatingSystem.IsLinux())
        {
            return RegularFile.FactsOf(file.FullName) is not { } facts ? "a link that leads nowhere"
                : !facts.IsRegular ? facts.Kind
                : facts.Bytes == 0 ? "empty" : null;
        }

        var target = file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo;
        return target is not { Exists: true } ? "a link that leads nowhere" : target.Length == 0 ? "empty" : null;
    }

    private static DataFile FileOf(FileSystemInfo entry, string path, string root)
    {
        var file = new DataFile(entry.FullName, path);
        if (entry.LinkTarget is null)
            return file;
        var target = TargetOf(entry);
        return file with { LinkTarget = target, LeadsOut = !Path.GetFullPath(target).StartsWith(root, StringComparison.Ordinal) };
    }

    private static string TargetOf(FileSystemInfo link)
    {
        try
        {
            return link.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? link.LinkTarget!;
        }
        catch (IOException)
        {
            // It was exchanged meanwhile; whether it can be read shows when it is.
            return link.LinkTarget ?? "";
        }
    }
}
