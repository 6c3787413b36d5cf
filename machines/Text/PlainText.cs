using System.Globalization;
using System.Text;

namespace Coordinator.Machines;

/// <summary>
/// Text from outside that nobody is steered by: one line, without control characters (C0, DEL, C1), without characters that turn the
/// direction of
/// what stands beside them or are not seen at all, without halves of surrogate pairs. A reason, a name or a device's words pass this once
/// where they
/// come in, are stored so, and pass it again on their way to a terminal, since an older build may have stored them as they came.
/// </summary>
public static class PlainText
{
    /// <summary>
    /// Most characters of one text on its way into storage; people read a line of it, and a state or an event holds many.
    /// </summary>
    public const int MostStored = 4096;

    /// <summary>What stands where a character was taken out.</summary>
    public const char Replacement = '\uFFFD';

    /// <summary>Whether a text stays as it is.</summary>
    public static bool IsPlain(string text) => IndexOfHostile(text) < 0;

    /// <summary>Place of the first character that would be changed; -1: there is none.</summary>
    public static int IndexOfHostile(ReadOnlySpan<char> text)
    {
        for (var at = text.IndexOfAnyExceptInRange(' ', '~'); at >= 0 && at < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text[at..], out var rune, out var length) != System.Buffers.OperationStatus.Done || IsHostile(rune))
                return at;
            at += length;
        }

        return -1;
    }

    /// <summary>
    /// The text as one harmless line: line ends and tabs become blanks, and whatever else is hostile becomes <see cref="Replacement"/>.
    /// </summary>
    public static string Line(string text)
    {
        var first = IndexOfHostile(text);
        if (first < 0)
            return text;
        var plain = new StringBuilder(text.Length).Append(text, 0, first);
        for (var at = first; at < text.Length;)
        {
            var isWhole = Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length) == System.Buffers.OperationStatus.Done;
            if (isWhole && IsBreak(rune))
            {
                // A line end of two characters is one blank.
                if (plain.Length == 0 || plain[^1] != ' ' || text[at - 1] == ' ')
                    plain.Append(' ');
            }
            else if (!isWhole || IsHostile(rune))
            {
                plain.Append(Replacement);
            }
            else
            {
                plain.Append(text, at, length);
            }

            at += length;
        }

        return plain.ToString();
    }

    /// <summary>The text as one harmless line of at most so many characters; an ellipsis stands where the rest was.</summary>
    public static string Line(string text, int most)
    {
        // What is cut off need not be looked at: a stranger's text may be as long as a request.
        if (text.Length <= most)
            return Line(text);
        var cut = most - 1;
        if (cut > 0 && char.IsHighSurrogate(text[cut - 1]))
            cut--;
        return Line(text[..cut]) + "…";
    }

    /// <summary>
    /// An address that somebody wrote, as one harmless line that can be shown: a name and password in it are left out. It may be no
    /// address at all, so whatever stands between its scheme and its last @ counts as such.
    /// </summary>
    public static string Address(string text)
    {
        var end = text.LastIndexOf('@');
        if (end < 0)
            return Line(text, 200);
        var scheme = text.AsSpan(0, end).IndexOf("//");
        return Line($"{(scheme < 0 ? "" : text[..(scheme + 2)])}…{text[end..]}", 200);
    }

    private static bool IsBreak(Rune rune) => rune.Value is '\t' or '\n' or '\v' or '\f' or '\r' or 0x85 or 0x2028 or 0x2029;

    /// <summary>
    /// Controls; format characters, of which those that change direction (UAX #9) could show a text as another one and the unseen ones
    /// could hide
    /// in it, but for the two joiners that scripts and emoji need; separators of lines and paragraphs.
    /// </summary>
    private static bool IsHostile(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => true,
        UnicodeCategory.Format => rune.Value is not (0x200C or 0x200D),
        _ => false,
    };
}
