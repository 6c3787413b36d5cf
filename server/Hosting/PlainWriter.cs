using System.Text;
using Coordinator.Machines;

namespace Coordinator.Server.Hosting;

/// <summary>
/// A writer through which nothing comes that steers a terminal: of control and unseen characters it passes line ends and tabs, and
/// replaces the others
/// (<see cref="PlainText"/>). Everything that a process prints goes through one, whoever made the text: names of files and of tensors,
/// messages of the
/// system, words of other programs. What draws on purpose writes to <see cref="Styled"/>, and sees to its own texts. Not thread-safe by
/// itself: each
/// text is passed on in one piece, and the inner writer orders them.
/// </summary>
/// <param name="inner">Where the text goes.</param>
public sealed class PlainWriter(TextWriter inner) : TextWriter(inner.FormatProvider)
{
    private char half;

    /// <summary>The writer behind this one, for whoever draws.</summary>
    public TextWriter Styled => inner;

    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <inheritdoc/>
    public override void Write(char value)
    {
        // A pair may come in halves; the first waits for the second.
        if (char.IsHighSurrogate(value) && half == default)
        {
            half = value;
            return;
        }

        Write(value.ToString());
    }

    /// <inheritdoc/>
    public override void Write(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return;
        if (half != default)
            (value, half) = (half + value, default);
        inner.Write(Plain(value));
    }

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

    /// <inheritdoc/>
    public override void WriteLine() => Write(CoreNewLineText);

    /// <summary>A line is one text, as for the inner writer.</summary>
    /// <inheritdoc/>
    public override void WriteLine(string? value) => Write(value + CoreNewLineText);

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();

    /// <summary>A text of many lines as it may be printed.</summary>
    public static string Plain(string text)
    {
        if (PlainText.IsPlain(text))
            return text;
        var plain = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length;)
        {
            var next = PlainText.IndexOfHostile(text.AsSpan(at));
            if (next < 0)
                return plain.Append(text, at, text.Length - at).ToString();
            plain.Append(text, at, next);
            at += next;
            var isLayout = text[at] is '\n' or '\t' || (text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n');
            plain.Append(isLayout ? text[at] : PlainText.Replacement);
            at += char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;
        }

        return plain.ToString();
    }

    private string CoreNewLineText => inner.NewLine;
}
