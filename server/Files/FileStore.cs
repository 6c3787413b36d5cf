using System.Buffers;
using System.Security.Cryptography;

namespace Coordinator.Server.Files;

/// <summary>
/// Files of a folder that appear whole or not at all: written under a temporary name, verified by hash, made durable,
/// then renamed. Once there, a file never changes. Thread-safe.
/// </summary>
internal sealed class FileStore
{
    private readonly string folder;
    private readonly long maxBytes;
    private readonly Lock naming = new();

    /// <summary>Opens a folder, and removes what uploads of dead processes left in it.</summary>
    public FileStore(string folder, long maxBytes)
    {
        this.folder = Path.GetFullPath(folder);
        this.maxBytes = maxBytes;
        Directory.CreateDirectory(this.folder);
        foreach (var left in Directory.EnumerateFiles(this.folder, "*.upload"))
            File.Delete(left);
    }

    /// <summary>Whether a text is a SHA-256 in lower-case hexadecimal.</summary>
    public static bool IsHash(string text) => text.Length == 64 && text.All(letter => char.IsAsciiDigit(letter) || letter is >= 'a' and <= 'f');

    /// <summary>Full path of a file that is there, or null.</summary>
    public string? Find(string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path) ? path : null;
    }

    /// <summary>Stores a file; the name is safe, its caller has seen to that.</summary>
    public async Task<FileOutcome> PutAsync(string name, string sha256, Stream content, long? announcedBytes, CancellationToken cancel)
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
                ? await PublishAsync(upload, name, bytes, sha256, cancel).ConfigureAwait(false)
                : new FileOutcome(FileOutcomeKind.WrongHash, bytes, found);
        }
        finally
        {
            File.Delete(upload);
        }
    }

    private async Task<(long Bytes, string? Sha256)> ReceiveAsync(string path, Stream content, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 17);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);
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

    private async Task<FileOutcome> PublishAsync(string upload, string name, long bytes, string sha256, CancellationToken cancel)
    {
        var path = Path.Combine(folder, name);
        lock (naming)
        {
            if (!File.Exists(path))
            {
                File.Move(upload, path);
                DurableFolder.Flush(folder);
                return new FileOutcome(FileOutcomeKind.Stored, bytes, sha256);
            }
        }

        var present = await HashAsync(path, cancel).ConfigureAwait(false);
        return new FileOutcome(present == sha256 ? FileOutcomeKind.Existed : FileOutcomeKind.Conflict, bytes, present);
    }

    private static async Task<string> HashAsync(string path, CancellationToken cancel)
    {
        var file = File.OpenRead(path);
        await using (file.ConfigureAwait(false))
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel).ConfigureAwait(false));
    }
}
