using System.Buffers;
using System.Security.Cryptography;
using Coordinator.Disk;

namespace Coordinator.Server.Files;

/// <summary>
/// Files of a folder that appear whole or not at all: written under a temporary name, verified by hash, made durable, then renamed. What is
/// damaged afterwards is never served, and is replaced as soon as its right bytes come.
/// <para>
/// A file is verified when it is opened. Its hash is remembered with number, length and times that the file had then, so that a file is
/// read once more only after something has written to it, or after the silo has been started again; a disk that loses a bit by itself is
/// found then, and by whoever fetches the file, who verifies it as well.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class FileStore
{
    private const int PieceBytes = 1 << 17;

    // Beside a file whose name is not its hash: what its hash was when it was stored.
    private const string HashSuffix = ".sha256";

    private readonly string folder;
    private readonly long maxBytes;
    private readonly Lock naming = new();
    private readonly Dictionary<string, (FileFacts Facts, Task<string> Hash)> hashes = [];

    /// <summary>Opens a folder, and removes what uploads of dead processes left in it.</summary>
    public FileStore(string folder, long maxBytes)
    {
        this.folder = Path.GetFullPath(folder);
        this.maxBytes = maxBytes;
        PrivateFiles.CreateFolder(this.folder, "*.bin", "*.safetensors");
        foreach (var left in Directory.EnumerateFiles(this.folder, "*.upload"))
            File.Delete(left);
    }

    /// <summary>How long the storage may say nothing while a file is verified.</summary>
    public TimeSpan ReadLimit { get; init; } = StorageRead.DefaultLimit;

    /// <summary>Whether a text is a SHA-256 in lower-case hexadecimal.</summary>
    public static bool IsHash(string text) =>
        text.Length == 64 && text.All(letter => char.IsAsciiDigit(letter) || letter is >= 'a' and <= 'f');

    /// <summary>Whether nothing has written to a file between two looks at it. Being renamed, or read, changes no content.</summary>
    public static bool IsSame(FileFacts one, FileFacts other) =>
        (one.Device, one.Node, one.Bytes, one.ModifiedAt, one.ChangedAt) == (
            other.Device, other.Node, other.Bytes, other.ModifiedAt, other.ChangedAt);

    /// <summary>Opens a stored file, if it is what it should be.</summary>
    /// <param name="name">Its name, which is safe: its caller has seen to that.</param>
    /// <param name="sha256">What its SHA-256 must be.</param>
    /// <param name="cancel">Nobody waits for it any more.</param>
    public async Task<FoundFile> OpenAsync(string name, string sha256, CancellationToken cancel)
    {
        var path = Path.Combine(folder, name);
        FileStream? file = null;
        try
        {
            file = RegularFile.OpenRead(path);
            var facts = RegularFile.FactsOf(file.SafeFileHandle);
            var found = await HashAsync(path, facts, cancel).ConfigureAwait(false);
            if (found != sha256)
                return new FoundFile(null, $"{path} has SHA-256 {found} where {sha256} was stored");
            var content = new UnchangedStream(file, facts);
            file = null;
            return new FoundFile(content, null);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new FoundFile(null, null);
        }
        catch (Exception e) when (e is StorageTimeoutException or UnauthorizedAccessException)
        {
            return new FoundFile(null, e.Message, IsAway: true);
        }
        catch (IOException e)
        {
            return new FoundFile(null, e.Message);
        }
        finally
        {
            if (file is not null)
                await file.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Stores a file under its hash; damaged bytes of that name are replaced.</summary>
    public Task<FileOutcome> PutAsync(string name, string sha256, Stream content, long? announcedBytes, CancellationToken cancel) =>
        PutAsync(name, sha256, sha256, content, announcedBytes, cancel);

    /// <summary>
    /// Stores a file under a name that is not its hash. What is there stays if it is sound, and is replaced if it is damaged.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="sha256">What the bytes that come must be.</param>
    /// <param name="recorded">What the stored file's SHA-256 is known to have to be; null: only this folder knows.</param>
    /// <param name="content">The bytes.</param>
    /// <param name="announcedBytes">How many they are said to be.</param>
    /// <param name="cancel">Nobody sends them any more.</param>
    public async Task<FileOutcome> PutAsync(
        string name, string sha256, string? recorded, Stream content, long? announcedBytes, CancellationToken cancel)
    {
        if (announcedBytes > maxBytes)
            return new FileOutcome(FileOutcomeKind.TooLarge, maxBytes, "");
        var upload = Path.Combine(folder, Guid.NewGuid().ToString("N") + ".upload");
        try
        {
            var (bytes, found) = await ReceiveAsync(upload, content, cancel).ConfigureAwait(false);
            if (found is null)
                return new FileOutcome(FileOutcomeKind.TooLarge, maxBytes, "");
            return found == sha256
                ? await PublishAsync(upload, name, bytes, sha256, recorded, cancel).ConfigureAwait(false)
                : new FileOutcome(FileOutcomeKind.WrongHash, bytes, found);
        }
        finally
        {
            File.Delete(upload);
        }
    }

    private async Task<(long Bytes, string? Sha256)> ReceiveAsync(string path, Stream content, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            var file = PrivateFiles.Open(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);
            await using (file.ConfigureAwait(false))
            {
                long bytes = 0;
                int count;
                while ((count = await content.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
                {
                    bytes += count;
                    if (bytes > maxBytes)
                        return (bytes, null);
                    hash.AppendData(buffer, 0, count);
                    await file.WriteAsync(buffer.AsMemory(0, count), cancel).ConfigureAwait(false);
                }

                file.Flush(flushToDisk: true);
                return (bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Shows an upload under its name. Whatever lies there that is not what was once stored is no reason to refuse it.</summary>
    private async Task<FileOutcome> PublishAsync(
        string upload, string name, long bytes, string sha256, string? recorded, CancellationToken cancel)
    {
        var path = Path.Combine(folder, name);
        lock (naming)
        {
            if (!Path.Exists(path))
                return Show(upload, path, bytes, sha256, FileOutcomeKind.Stored);
        }

        var stored = recorded ?? HashOf(name);
        var present = await WhatIsThereAsync(name, cancel).ConfigureAwait(false);
        if (present == sha256 && (stored ?? sha256) == sha256)
            return new FileOutcome(FileOutcomeKind.Existed, bytes, sha256);
        if (stored is not null && stored != sha256)
            return new FileOutcome(FileOutcomeKind.Conflict, bytes, stored);
        lock (naming)
            return Show(upload, path, bytes, sha256, FileOutcomeKind.Repaired);
    }

    private FileOutcome Show(string upload, string path, long bytes, string sha256, FileOutcomeKind kind)
    {
        // The hash first: a file without one beside it is from before there were any, or died in between, and may be replaced.
        if (!path.EndsWith(sha256 + ".bin", StringComparison.Ordinal))
            PrivateFiles.WriteAllText(path + HashSuffix, sha256);
        RegularFile.MakeWay(path);
        File.Move(upload, path, overwrite: true);
        DurableFolder.Flush(folder);
        if (RegularFile.FactsOf(path) is { } facts)
        {
            // It was hashed on its way to the disk.
            lock (hashes)
                hashes[path] = (facts, Task.FromResult(sha256));
        }

        return new FileOutcome(kind, bytes, sha256);
    }

    /// <summary>What the SHA-256 of a file was when it was stored; null: none was noted.</summary>
    public string? HashOf(string name)
    {
        try
        {
            return RegularFile.ReadAllText(Path.Combine(folder, name) + HashSuffix, 256).Trim() is var text && IsHash(text) ? text : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Hash of the file of that name; null: what lies there is none, or cannot be read.</summary>
    private async Task<string?> WhatIsThereAsync(string name, CancellationToken cancel)
    {
        var path = Path.Combine(folder, name);
        try
        {
            using var file = RegularFile.OpenHandle(path);
            return await HashAsync(path, RegularFile.FactsOf(file), cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Hash of a file, read once for however many ask, and again once something has written to it.</summary>
    private Task<string> HashAsync(string path, FileFacts facts, CancellationToken cancel)
    {
        lock (hashes)
        {
            if (hashes.TryGetValue(path, out var known) && IsSame(known.Facts, facts)
                && known.Hash is not ({ IsFaulted: true } or { IsCanceled: true }))
            {
                return known.Hash.WaitAsync(cancel);
            }
            var reading = StorageRead.RunAsync(path, ReadLimit, read => Hash(path, facts, read), CancellationToken.None);
            hashes[path] = (facts, reading);
            return reading.WaitAsync(cancel);
        }
    }

    private static string Hash(string path, FileFacts facts, StorageRead read)
    {
        using var file = RegularFile.OpenRead(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var piece = new byte[PieceBytes];
        for (int count; (count = file.Read(piece)) > 0; read.Moved())
            hash.AppendData(piece, 0, count);
        return IsSame(RegularFile.FactsOf(file.SafeFileHandle), facts)
            ? Convert.ToHexStringLower(hash.GetHashAndReset())
            : throw new IOException($"{path} changed while it was read");
    }
}
