using Coordinator.Disk;

namespace Coordinator.Server.Files;

/// <summary>
/// A verified file while it is being sent. What changes meanwhile is no longer what was verified: the next read fails, and with it the
/// answer, so that nobody takes its bytes for the whole.
/// </summary>
internal sealed class UnchangedStream(FileStream file, FileFacts verified) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => verified.Bytes;

    public override long Position
    {
        get => file.Position;
        set => file.Position = value;
    }

    public override int Read(byte[] buffer, int offset, int count) => Checked(file.Read(buffer, offset, count));

    public override int Read(Span<byte> buffer) => Checked(file.Read(buffer));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Checked(await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            file.Dispose();
        base.Dispose(disposing);
    }

    private int Checked(int count) => FileStore.IsSame(RegularFile.FactsOf(file.SafeFileHandle), verified)
        ? count
        : throw new IOException($"{file.Name} changed while it was read");
}
