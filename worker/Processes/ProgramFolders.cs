using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Disk;
using Coordinator.Machines;

namespace Coordinator.Worker.Processes;

/// <summary>Where a worker keeps what belongs to the programs of its jobs: their logs, and the folders that they work in.</summary>
public sealed class ProgramFolders
{
    private const int KeptGenerations = 4;
    private const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly string root;
    private readonly string work;
    private readonly ProgramUser? owner;
    private readonly Lock copying = new();

    /// <summary>Below a folder that only this worker uses.</summary>
    /// <param name="root">The folder; logs stay in it, closed to others.</param>
    /// <param name="policy">Whose programs they are: another user's folders lie where that user may reach them.</param>
    public ProgramFolders(string root, ProgramPolicy policy)
    {
        this.root = Path.GetFullPath(root);
        owner = policy.User;
        work = policy.User is { Prefix.Count: > 0 } user
            ? Path.Combine(
                Path.GetTempPath(),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"coordinator-{user.Id}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(this.root)))[..12]}"))
            : this.root;
    }

    /// <summary>Logs of a job's ranks.</summary>
    public string LogsOf(JobId job) => Path.Combine(root, job.Value, "logs");

    /// <summary>Name of the log of a rank in a generation.</summary>
    public static string LogName(long generation, int rank) => string.Create(CultureInfo.InvariantCulture, $"g{generation:D6}-rank-{rank}");

    /// <summary>The generation and rank of a log; null: it is none.</summary>
    public static (long Generation, int Rank)? ParseLogName(string name)
    {
        var parts = name.Split('-');
        return parts is [['g', .. var generation], "rank", var rank]
            && long.TryParse(generation, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && int.TryParse(rank, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? (number, place) : null;
    }

    /// <summary>Name of the log of a training job's program: of which gpu, and which of its starts there, from 1.</summary>
    public static string StartLogName(int gpu, long start) => string.Create(CultureInfo.InvariantCulture, $"gpu-{gpu}-start-{start:D6}");

    /// <summary>Gpu and start of such a log; null: it is none.</summary>
    public static (int Gpu, long Start)? ParseStartLogName(string name) =>
        name.Split('-') is ["gpu", var gpu, "start", var start]
            && int.TryParse(gpu, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && long.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (index, number) : null;

    /// <summary>
    /// The next start of a training job's program on a gpu, counted through restarts of this worker. Its log is there from now on, and
    /// empty; the logs of all but the newest few starts there are dropped.
    /// </summary>
    /// <exception cref="IOException">The log cannot be made.</exception>
    public long NextStart(JobId job, int gpu)
    {
        var next = NewestStart(job, gpu) + 1 ?? 1;
        var logs = PrivateFiles.CreateFolder(LogsOf(job));
        PrivateFiles.Open(
            RankLogFiles.PathOf(logs, StartLogName(gpu, next), 0),
            FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0).Dispose();
        try
        {
            foreach (var path in Directory.GetFiles(logs))
            {
                if (ParseStartLogName(Path.GetFileName(path).Split('.')[0]) is { } log && log.Gpu == gpu
                    && log.Start <= next - KeptGenerations)
                {
                    File.Delete(path);
                }
            }
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            // The next start tries again.
        }

        return next;
    }

    /// <summary>The newest start that there is a log of on a gpu; null: none.</summary>
    public long? NewestStart(JobId job, int gpu) =>
        RankLogFiles.NamesIn(LogsOf(job)).Select(ParseStartLogName).Where(log => log?.Gpu == gpu)
            .Select(log => (long?)log!.Value.Start).Max();

    /// <summary>A folder of the job's own that its programs may work in; made if it is missing.</summary>
    public string WorkOf(JobId job) => Make(Path.Combine(work, job.Value, "work"));

    /// <summary>A new, empty folder for what one rank and its worker tell each other.</summary>
    public string TalkOf(JobId job, long generation, int rank)
    {
        var folder = Path.Combine(work, job.Value, "talk", LogName(generation, rank));
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        return Make(folder);
    }

    /// <summary>Where the bundle of a hash is unpacked, whichever job wants it.</summary>
    public string BundleOf(string sha256) => Path.Combine(Make(Path.Combine(work, "bundles")), sha256);

    /// <summary>
    /// Where programs read a frozen file: where it lies, or, where they run as another user, to whom this worker's folders are closed, in a
    /// copy that is that user's alone.
    /// </summary>
    /// <param name="sha256">Its hash, which names it.</param>
    /// <param name="file">Where it lies.</param>
    /// <exception cref="IOException">It cannot be copied.</exception>
    public string DataFor(string sha256, string file)
    {
        if (work == root)
            return file;
        lock (copying)
        {
            var copy = Path.Combine(Make(Path.Combine(work, "data")), sha256);
            if (File.Exists(copy))
                return copy;
            var partial = $"{copy}.{Guid.NewGuid():N}.tmp";
            File.Copy(file, partial);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(partial, UnixFileMode.UserRead);
            NativeProcess.GiveTo(partial, owner!);
            File.Move(partial, copy);
            return copy;
        }
    }

    /// <summary>The newest generation that there is a log of a rank of; null: none.</summary>
    public long? NewestLog(JobId job, int rank) =>
        RankLogFiles.NamesIn(LogsOf(job)).Select(ParseLogName).Where(log => log?.Rank == rank).Select(log => (long?)log!.Value.Generation)
            .Max();

    /// <summary>Drops the logs of all but the newest few generations, and what their ranks and this worker told each other.</summary>
    public void Prune(JobId job, long generation)
    {
        try
        {
            foreach (var folder in new[] { LogsOf(job), Path.Combine(work, job.Value, "talk") }.Where(Directory.Exists))
            {
                foreach (var path in Directory.EnumerateFileSystemEntries(folder).ToArray())
                {
                    if (ParseLogName(Path.GetFileName(path).Split('.')[0]) is not { } log || log.Generation > generation - KeptGenerations)
                        continue;
                    if (Directory.Exists(path))
                        Directory.Delete(path, recursive: true);
                    else
                        File.Delete(path);
                }
            }
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            // The next start tries again.
        }
    }

    private string Make(string folder)
    {
        if (work == root)
            return PrivateFiles.CreateFolder(folder);

        // Another user has to get through these; below the first one, whose owner is looked at, nobody else can put anything.
        var missing = new Stack<string>();
        for (var part = folder; part.Length >= work.Length; part = Path.GetDirectoryName(part)!)
            missing.Push(part);
        while (missing.TryPop(out var next))
        {
            Directory.CreateDirectory(next);
            if (next == work && RegularFile.FactsOf(next)?.Owner != NativeProcess.EffectiveUser())
                throw new IOException($"{next} is another user's folder");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(next, Passable);
        }

        return folder;
    }
}
