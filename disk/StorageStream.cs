using Microsoft.Win32.SafeHandles;

namespace Coordinator.Disk;

/// <summary>
/// A file of storage that may never answer, as a stream to be sent on. Opening and every read run as a <see cref="StorageRead"/>, so
/// whoever sends it gets an error in the end and leaves no thread of the pool behind. Read it in large pieces, since each costs a thread.
/// </summary>
public sealed class StorageStream : Stream
{
    /// <summary>A good length of pieces, bytes.</summary>
    public const int PieceBytes = 1 << 20;

    private readonly SafeFileHandle handle;
    private readonly string path;
    private readonly TimeSpan limit;
    private readonly Action? moved;

    private StorageStream(SafeFileHandle handle, string path, TimeSpan limit, Action? moved) =>
        (this.handle, this.path, this.limit, this.moved) = (handle, path, limit, moved);

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => RandomAccess.GetLength(handle);

    /// <inheritdoc/>
    public override long Position { get; set; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="moved">Told of every piece that was read.</param>
    /// <param name="limit">How long the storage may say nothing; null: <see cref="StorageRead.DefaultLimit"/>.</param>
    /// <param name="cancel">Gives it up.</param>
    /// <exception cref="StorageTimeoutException">The storage did not answer.</exception>
    /// <exception cref="IOException">The file cannot be opened; see <see cref="RegularFile.OpenHandle"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static async Task<StorageStream> OpenAsync(
        string path, Action? moved = null, TimeSpan? limit = null, CancellationToken cancel = default)
    {
        var most = limit ?? StorageRead.DefaultLimit;
        return new StorageStream(
            await StorageRead.RunAsync(path, most, _ => RegularFile.OpenHandle(path), cancel).ConfigureAwait(false), path, most, moved);
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // A reader that is left behind may write one day: into a buffer of its own, and not into one that serves somebody else by then.
        var piece = new byte[Math.Min(buffer.Length, PieceBytes)];
        var count = await StorageRead.RunAsync(path, limit, _ => RandomAccess.Read(handle, piece, Position), cancellationToken)
            .ConfigureAwait(false);
        piece.AsMemory(0, count).CopyTo(buffer);
        Position += count;
        moved?.Invoke();
        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            handle.Dispose();
        base.Dispose(disposing);
    }
}
