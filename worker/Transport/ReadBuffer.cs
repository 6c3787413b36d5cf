using System.Net.Sockets;

namespace Coordinator.Worker.Transport;

/// <summary>
/// What a connection brings, read in large pieces, since frames may be small and a call to the system costs more than one.
/// </summary>
internal sealed class ReadBuffer(int bufferBytes, Action heard)
{
    private readonly byte[] buffer = GC.AllocateUninitializedArray<byte>(bufferBytes, pinned: true);
    private int start;
    private int end;

    /// <summary>
    /// The next <paramref name="count"/> bytes, valid until more is read; empty where the connection was closed before they came.
    /// </summary>
    public async ValueTask<ArraySegment<byte>> TakeAsync(Socket socket, int count)
    {
        if (buffer.Length - start < count)
        {
            Buffer.BlockCopy(buffer, start, buffer, 0, end - start);
            (start, end) = (0, end - start);
        }

        while (end - start < count)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(end), SocketFlags.None).ConfigureAwait(false);
            if (read == 0)
                return ArraySegment<byte>.Empty;
            heard();
            end += read;
        }

        start += count;
        return new ArraySegment<byte>(buffer, start - count, count);
    }

    /// <summary>
    /// Fills <paramref name="destination"/>: with what was read already, the rest straight from the connection. False where that was closed
    /// before.
    /// </summary>
    public async ValueTask<bool> FillAsync(Socket socket, Memory<byte> destination)
    {
        var there = Math.Min(destination.Length, end - start);
        buffer.AsMemory(start, there).CopyTo(destination);
        start += there;
        destination = destination[there..];
        if (start == end)
            (start, end) = (0, 0);
        while (destination.Length > 0)
        {
            var read = await socket.ReceiveAsync(destination, SocketFlags.None).ConfigureAwait(false);
            if (read == 0)
                return false;
            heard();
            destination = destination[read..];
        }

        return true;
    }
}
