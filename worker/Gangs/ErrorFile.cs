using System.Text.Json;
using Coordinator.Disk;

namespace Coordinator.Worker.Gangs;

/// <summary>
/// The file in which torch's programs say why they fail (<c>torch.distributed.elastic.multiprocessing.errors.record</c>).
/// </summary>
internal static class ErrorFile
{
    private const int MostBytes = 1 << 20;
    private const int MostCharacters = 500;

    /// <summary>The failure's message, on one line; empty: the program has said nothing there.</summary>
    public static string Read(string path)
    {
        try
        {
            if (!File.Exists(path))
                return "";
            using var document = JsonDocument.Parse(RegularFile.ReadAllBytes(path, MostBytes));
            var message = document.RootElement.GetProperty("message");
            if (message.ValueKind == JsonValueKind.Object)
                message = message.GetProperty("message");
            var text = (message.GetString() ?? "").ReplaceLineEndings(" ").Trim();
            return text.Length > MostCharacters ? text[..MostCharacters] : text;
        }
        catch (Exception foreign) when (
            foreign is JsonException or IOException or UnauthorizedAccessException or KeyNotFoundException or InvalidOperationException)
        {
            // A program may write what it likes there.
            return "";
        }
    }
}
