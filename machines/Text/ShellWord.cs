using System.Globalization;
using System.Text;

namespace Coordinator.Machines;

/// <summary>
/// A path or name within a command that people paste: the shell reads it back as it is, whatever characters it has, and a terminal is not
/// steered by it.
/// </summary>
public static class ShellWord
{
    /// <summary>The text as one word of a POSIX shell; of bash where it has characters that cannot be shown.</summary>
    public static string Of(string text)
    {
        if (text.Length > 0 && text.All(IsBare))
            return text;
        if (PlainText.IsPlain(text))
            return $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";
        var word = new StringBuilder("$'");
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\'' or '\\')
                word.Append('\\').Append(rune);
            else if (PlainText.IsPlain(rune.ToString()))
                word.Append(rune);
            else
                word.Append(CultureInfo.InvariantCulture, $@"\U{rune.Value:x8}");
        }

        return word.Append('\'').ToString();
    }

    private static bool IsBare(char character) => char.IsAsciiLetterOrDigit(character) || "_-./:@%+=,".Contains(character);
}
