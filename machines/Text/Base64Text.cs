using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// Reads bytes that travel as base64 whole: <see cref="PlainTextConverter"/> would cut them like a stranger's words, and what is cut is no
/// base64 any more. Whatever is none is refused, so nothing that a terminal obeys comes in by this way.
/// </summary>
public sealed class Base64Text : JsonConverter<string>
{
    /// <inheritdoc/>
    /// <exception cref="JsonException">It is no base64.</exception>
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetBytesFromBase64(out var bytes)
            ? Convert.ToBase64String(bytes)
            : throw new JsonException("bytes in base64 are expected here");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}
