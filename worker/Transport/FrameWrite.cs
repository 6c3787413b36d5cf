using System.Buffers.Binary;
using System.Net.Sockets;
using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>
/// One write to a connection: frames one behind the other, small ones gathered in a buffer, large payloads where they lie.
/// </summary>
internal sealed class FrameWrite(int bufferBytes)
{
    private readonly byte[] buffer = GC.AllocateUninitializedArray<byte>(bufferBytes, pinned: true);
    private readonly List<ArraySegment<byte>> segments = [];
    private int used;
    private int begun;

    /// <summary>Bytes of the whole write.</summary>
    public int Bytes { get; private set; }

    /// <summary>
    /// Whether one more frame fits, its payload copied if that is at most <paramref name="copiedBytes"/>. An empty write takes any frame.
    /// </summary>
    public bool HasRoomFor(int copiedBytes) => used + FrameHeader.Size + copiedBytes <= buffer.Length;

    /// <summary>
    /// Appends a frame with its checksum. A payload up to <paramref name="copiedBytes"/> is copied first, and the copy is what the checksum
    /// is of.
    /// </summary>
    public void Add(in FrameHeader header, ArraySegment<byte> payload, int copiedBytes)
    {
        var bytes = buffer.AsSpan(used, FrameHeader.Size);
        (header with { PayloadBytes = payload.Count, Checksum = 0 }).Write(bytes);
        used += FrameHeader.Size;
        Bytes += FrameHeader.Size + payload.Count;
        if (payload.Count <= copiedBytes)
        {
            var copy = buffer.AsSpan(used, payload.Count);
            payload.AsSpan().CopyTo(copy);
            used += payload.Count;
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[FrameBytes.ChecksumAt..], Crc32C.Of(bytes, copy));
            return;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes[FrameBytes.ChecksumAt..], Crc32C.Of(bytes, payload));
        Close();
        segments.Add(payload);
    }

    /// <summary>Writes all of it.</summary>
    /// <returns>Bytes that left.</returns>
    public async ValueTask<int> SendAsync(Socket socket)
    {
        Close();
        return segments.Count == 1
            ? await socket.SendAsync(segments[0], SocketFlags.None).ConfigureAwait(false)
            : await socket.SendAsync(segments, SocketFlags.None).ConfigureAwait(false);
    }

    /// <summary>Begins anew.</summary>
    public void Clear()
    {
        segments.Clear();
        (used, begun, Bytes) = (0, 0, 0);
    }

    private void Close()
    {
        if (used > begun)
            segments.Add(new ArraySegment<byte>(buffer, begun, used - begun));
        begun = used;
    }
}
