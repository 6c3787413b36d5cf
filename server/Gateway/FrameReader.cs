using System.Net.WebSockets;

namespace Coordinator.Server.Gateway;

/// <summary>Reads whole text frames up to a limit. The text of a frame is valid until the next one is read.</summary>
internal sealed class FrameReader(WebSocket socket, int maxBytes)
{
    private byte[] buffer = new byte[Math.Min(4096, maxBytes)];

    public async Task<Frame> ReadAsync(CancellationToken cancel)
    {
        var length = 0;
        while (true)
        {
            ValueWebSocketReceiveResult part;
            try
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(length), cancel).ConfigureAwait(false);
            }
            catch (Exception exception) when (
                exception is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
            {
                return new Frame(default, null, true);
            }

            if (part.MessageType == WebSocketMessageType.Close)
                return new Frame(default, null, true);
            if (part.MessageType == WebSocketMessageType.Binary)
                return Fault(WebSocketCloseStatus.InvalidMessageType, "frames are JSON text, and this one is binary");
            length += part.Count;
            if (part.EndOfMessage)
                return new Frame(buffer.AsMemory(0, length), null, false);
            if (length < buffer.Length)
                continue;
            if (length >= maxBytes)
                return Fault(WebSocketCloseStatus.MessageTooBig, $"a frame has at most {maxBytes} bytes");
            Array.Resize(ref buffer, Math.Min(maxBytes, 2 * length));
        }
    }

    private static Frame Fault(WebSocketCloseStatus status, string text) => new(default, new CloseReason(status, text), false);
}
