using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// Reads every text of a JSON document as <see cref="PlainText"/>. It belongs to the options of whoever reads what strangers wrote, so
/// that a further
/// message or member is covered without a word about it.
/// </summary>
/// <param name="most">Most characters of one text.</param>
public sealed class PlainTextConverter(int most) : JsonConverter<string>
{
    /// <inheritdoc/>
    /// <exception cref="JsonException">The text holds half of a surrogate pair.</exception>
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException("a text is expected here");
        try
        {
            return PlainText.Line(reader.GetString()!, most);
        }
        catch (InvalidOperationException)
        {
            throw new JsonException("a text here holds half of a surrogate pair");
        }
    }

    /// <inheritdoc/>
    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        try
        {
            return PlainText.Line(reader.GetString()!, most);
        }
        catch (InvalidOperationException)
        {
            throw new JsonException("a name here holds half of a surrogate pair");
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    /// <inheritdoc/>
    public override void WriteAsPropertyName(
        Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WritePropertyName(value);
}
