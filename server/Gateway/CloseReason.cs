using System.Net.WebSockets;
using System.Text;
using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>Why the gateway ends a connection, as its peer reads it in the close frame.</summary>
internal sealed record CloseReason
{
    private const int MaxBytes = 123;

    public CloseReason(WebSocketCloseStatus status, string text)
    {
        Status = status;
        Text = Cut(PlainText.Line(text, MaxBytes));
    }

    /// <summary>A refusal that its worker acts on.</summary>
    public CloseReason(RefusalKind kind, string text)
        : this((WebSocketCloseStatus)kind, text)
    {
    }

    /// <summary>Status of the close frame (RFC 6455, 7.4).</summary>
    public WebSocketCloseStatus Status { get; }

    /// <summary>At most 123 bytes of UTF-8, all that a close frame takes.</summary>
    public string Text { get; }

    private static string Cut(string text)
    {
        while (Encoding.UTF8.GetByteCount(text) > MaxBytes)
            text = text[..(text.Length - (char.IsLowSurrogate(text[^1]) ? 2 : 1))];
        return text;
    }
}
