using System.Globalization;
using System.Security.Cryptography;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Files;

namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// Where the checkpoints of all jobs lie: <c>JOB/step-000000150.t0.g3/</c> with the parts and, once it is complete, the manifest. All
/// workers of a job write to and read from the same folder, on a file system that they share. Nothing outside it is read or written, and no
/// link is followed. Any thread may call any member.
/// </summary>
public sealed class CheckpointFolder
{
    /// <summary>The tensor of a part.</summary>
    public const string Tensor = "state";

    /// <summary>Metadata key of the number of the part's first element.</summary>
    public const string OffsetKey = "coordinator.offset";

    private const int PieceElements = 1 << 18;

    private readonly string root;

    /// <summary>The folder <paramref name="path"/>, which is created.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be created.</exception>
    public CheckpointFolder(string path) => root = PrivateFiles.CreateFolder(path);

    /// <summary>Opens a part; for tests, which let storage hang.</summary>
    internal Func<string, Stream> Opening { get; init; } = RegularFile.OpenRead;

    /// <summary>The folder's path.</summary>
    public string Path => root;

    /// <summary>Folder of a checkpoint.</summary>
    /// <exception cref="CheckpointException">The job's id cannot be the name of a folder.</exception>
    public string PathOf(JobId job, CheckpointId id) => System.IO.Path.Combine(PathOf(job), id.Name);

    /// <summary>Writes a rank's slice; it appears whole and durable. Written again with the same elements, it is the same file.</summary>
    /// <param name="job">The job.</param>
    /// <param name="id">The checkpoint.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="ranks">Number of ranks.</param>
    /// <param name="offset">Number of its first element in the whole state.</param>
    /// <param name="elements">Its elements.</param>
    /// <param name="count">How many of them; none: there is no file.</param>
    /// <exception cref="CheckpointException">It cannot be written: the disk is full, say.</exception>
    public CheckpointPart WritePart(JobId job, CheckpointId id, int rank, int ranks, long offset, HostFloats elements, long count)
    {
        if (count == 0)
            return new CheckpointPart("", 0, "", offset, 0);
        var name = string.Create(CultureInfo.InvariantCulture, $"part-{rank:D5}-of-{ranks:D5}.safetensors");
        var path = System.IO.Path.Combine(Confined(PathOf(job, id)), name);
        try
        {
            var metadata = new Dictionary<string, string>
            {
                [OffsetKey] = offset.ToString(CultureInfo.InvariantCulture),
                ["coordinator.checkpoint"] = id.Name,
            };
            using var writer = SafeTensorsWriter.Create(path, [new SafeTensor(Tensor, SafeTensorsDtype.F32, [count])], metadata);
            elements.Walk(0, count, (_, piece) => writer.Append(Tensor, piece), PieceElements);
            var sha256 = writer.Commit();
            return new CheckpointPart(name, new FileInfo(path).Length, sha256, offset, count);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Completes a checkpoint: sees that every part is there with its size, and writes the manifest, whole and durable.</summary>
    /// <returns>SHA-256 of the manifest.</returns>
    /// <exception cref="CheckpointException">A part is missing here, the parts do not cover the state, or writing failed.</exception>
    public string Seal(CheckpointManifest manifest)
    {
        var folder = Confined(PathOf(new JobId(manifest.Job), manifest.Id));
        var path = System.IO.Path.Combine(folder, CheckpointManifest.FileName);
        var bytes = manifest.ToBytes();
        _ = CheckpointManifest.Parse(bytes, path);
        foreach (var part in manifest.Parts)
        {
            var file = new FileInfo(System.IO.Path.Combine(folder, part.File));
            if (!file.Exists || file.Length != part.Bytes)
            {
                throw new CheckpointException($"{file.FullName} is {(file.Exists ? $"{file.Length} bytes long" : "not there")}, and its "
                    + $"writer wrote {part.Bytes} bytes; do all workers share this folder (--checkpoint-dir)?");
            }
        }

        try
        {
            using var file = AtomicFile.Create(folder, CheckpointManifest.FileName);
            file.Stream.Write(bytes);
            file.Commit(path);
            DurableFolder.Flush(System.IO.Path.GetDirectoryName(folder)!);
            DurableFolder.Flush(root);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: cannot be written: {e.Message}", e);
        }

        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    /// <summary>Reads and checks a checkpoint's manifest.</summary>
    /// <param name="job">The job.</param>
    /// <param name="id">The checkpoint.</param>
    /// <param name="sha256">What the manifest's SHA-256 must be; null: whatever it is.</param>
    /// <exception cref="CheckpointException">It is missing, damaged or another checkpoint's.</exception>
    public CheckpointManifest ReadManifest(JobId job, CheckpointId id, string? sha256)
    {
        var path = System.IO.Path.Combine(Confined(PathOf(job, id)), CheckpointManifest.FileName);
        byte[] bytes;
        try
        {
            RefuseLink(new FileInfo(path));
            bytes = RegularFile.ReadAllBytes(path, CheckpointManifest.MostBytes);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException($"{path}: there is none, so the checkpoint was never complete, or was removed", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: cannot be read: {e.Message}", e);
        }

        if (sha256 is not null && Convert.ToHexStringLower(SHA256.HashData(bytes)) is var found && found != sha256)
            throw new CheckpointException($"{path}: has SHA-256 {found}, and the job recorded {sha256}: it was damaged or exchanged");
        var manifest = CheckpointManifest.Parse(bytes, path);
        if (manifest.Job != job.Value || manifest.Id != id)
            throw new CheckpointException($"{path}: is the manifest of {manifest.Job} {manifest.Id}; was the folder copied or renamed?");
        return manifest;
    }

    /// <summary>
    /// Reads the whole state and verifies every part while it does. Elements come before their part is known to be sound, so that a large
    /// state is read once: after an exception what was taken is worth nothing.
    /// </summary>
    /// <param name="job">The job.</param>
    /// <param name="manifest">The checkpoint's manifest.</param>
    /// <param name="take">Receives the elements: number of the first, and the elements, in order. What it throws ends the reading.</param>
    /// <exception cref="CheckpointException">A part is missing or damaged.</exception>
    public void Read(JobId job, CheckpointManifest manifest, StateTaker take)
    {
        var folder = Confined(PathOf(job, manifest.Id));
        foreach (var part in manifest.Parts)
            PartFile.Read(System.IO.Path.Combine(folder, part.File), part, take, Opening);
    }

    /// <summary>Checkpoints of a job in the folder, complete or not, oldest first.</summary>
    /// <exception cref="CheckpointException">The folder cannot be read.</exception>
    public IReadOnlyList<CheckpointId> List(JobId job)
    {
        try
        {
            var folder = new DirectoryInfo(PathOf(job));
            return folder.Exists
                ? [.. folder.GetDirectories().Select(directory => CheckpointId.TryParse(directory.Name)).OfType<CheckpointId>().Order()]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{PathOf(job)}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>
    /// Jobs that have a folder. One whose name begins with a dot is no job's: a backup holds checkpoints there while it copies them.
    /// </summary>
    public IReadOnlyList<JobId> Jobs() =>
    [
        .. Directory.GetDirectories(root).Select(path => System.IO.Path.GetFileName(path)).Where(name => !name.StartsWith('.'))
            .Select(name => new JobId(name)).Order(),
    ];

    /// <summary>Removes the job's checkpoints that are older than the newest in <paramref name="keep"/> and not in it.</summary>
    /// <returns>What was removed.</returns>
    /// <exception cref="CheckpointException">One cannot be removed.</exception>
    public IReadOnlyList<CheckpointId> Prune(JobId job, IReadOnlyCollection<CheckpointId> keep)
    {
        if (keep.Count == 0)
            return [];
        var newest = keep.Max();
        var removed = new List<CheckpointId>();
        foreach (var id in List(job).Where(id => id.CompareTo(newest) < 0 && !keep.Contains(id)))
        {
            var folder = Confined(PathOf(job, id));
            try
            {
                // First the manifest: a checkpoint that is half removed is an incomplete one.
                File.Delete(System.IO.Path.Combine(folder, CheckpointManifest.FileName));
                Directory.Delete(folder, recursive: true);
                removed.Add(id);
            }
            catch (DirectoryNotFoundException)
            {
                // Another worker was asked as well.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException($"{folder}: cannot be removed: {e.Message}", e);
            }
        }

        return removed;
    }

    /// <summary>Refuses what is reached through a link, which may lead anywhere.</summary>
    internal static void RefuseLink(FileSystemInfo entry)
    {
        if (entry.LinkTarget is not null)
        {
            throw new CheckpointException(
                $"{entry.FullName}: is a link, and links may lead outside the checkpoint's folder; copy the file itself there");
        }
    }

    private string PathOf(JobId job)
    {
        var name = job.Value;
        if (name.Length is 0 or > 128 || name[0] == '.' || name.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')))
            throw new CheckpointException($"job '{name}' cannot have checkpoints: its id is no name of a folder");
        return System.IO.Path.Combine(root, name);
    }

    private static string Confined(string checkpoint)
    {
        RefuseLink(new DirectoryInfo(System.IO.Path.GetDirectoryName(checkpoint)!));
        RefuseLink(new DirectoryInfo(checkpoint));
        return checkpoint;
    }
}
