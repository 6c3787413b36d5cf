using System.Globalization;
using System.Text;
using Coordinator.Machines;

namespace Coordinator.Configuration;

/// <summary>Text going into YAML and into messages.</summary>
internal static class YamlText
{
    private const int LongestShown = 60;

    /// <summary>A scalar that reads back as this text: plain where that is safe, else in double quotes.</summary>
    public static string Quote(string text)
    {
        var isPlain = text.Length > 0 && text != "null" && char.IsAsciiLetterOrDigit(text[0])
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
        if (isPlain)
            return text;

        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' or '\\' => quoted.Append('\\').Append(c),
                _ when !char.IsSurrogate(c) && PlainText.IndexOfHostile([c]) == 0 =>
                    quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>Text from a stranger's file, cut to a line's length, without characters that steer a terminal.</summary>
    public static string Shown(string text) => PlainText.Line(text, LongestShown);
}
