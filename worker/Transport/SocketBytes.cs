using System.Net.Sockets;

namespace Coordinator.Worker.Transport;

/// <summary>Whole reads and writes on a socket.</summary>
internal static class SocketBytes
{
    /// <summary>Fills the buffer; false where the stream ends first.</summary>
    public static async ValueTask<bool> FillAsync(this Socket socket, Memory<byte> buffer, CancellationToken cancel)
    {
        while (buffer.Length > 0)
        {
            var read = await socket.ReceiveAsync(buffer, SocketFlags.None, cancel).ConfigureAwait(false);
            if (read == 0)
                return false;
            buffer = buffer[read..];
        }

        return true;
    }

    public static async ValueTask SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (bytes.Length > 0)
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancel).ConfigureAwait(false)..];
    }

    /// <summary>Ends the connection at once; what was not sent is dropped.</summary>
    public static void Abort(this Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }

        socket.Dispose();
    }
}
