using System.Text;

namespace Coordinator.Runs.Models;

/// <summary>A model's bytes for a terminal.</summary>
public static class Readable
{
    /// <summary>The bytes as UTF-8, with control characters (an escape sequence among them would act on the terminal) replaced.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(Encoding.UTF8.GetString(bytes));
        for (var index = 0; index < text.Length; index++)
        {
            if (char.IsControl(text[index]) && text[index] is not ('\n' or '\t'))
                text[index] = '\uFFFD';
        }

        return text.ToString();
    }
}
