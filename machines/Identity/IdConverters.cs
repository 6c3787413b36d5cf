using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// Writes an id as a plain string; refuses null, empty and overlong ones, and those with characters that steer who shows them.
/// </summary>
public abstract class TextIdConverter<T>(Func<string, T> parse) : JsonConverter<T>
{
    private const int MaxLength = 256;

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var text = reader.GetString();
        if (string.IsNullOrEmpty(text) || text.Length > MaxLength)
            throw new JsonException($"an id has 1 to {MaxLength} characters");
        if (!PlainText.IsPlain(text))
            throw new JsonException("an id has no control characters and none that cannot be seen");
        try
        {
            return parse(text);
        }
        catch (FormatException e)
        {
            throw new JsonException(e.Message);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value!.ToString());
}

/// <summary>JSON form of <see cref="JobId"/>.</summary>
public sealed class JobIdConverter() : TextIdConverter<JobId>(text => new JobId(text));

/// <summary>JSON form of <see cref="NodeId"/>.</summary>
public sealed class NodeIdConverter() : TextIdConverter<NodeId>(text => new NodeId(text));

/// <summary>JSON form of <see cref="GpuId"/>.</summary>
public sealed class GpuIdConverter() : TextIdConverter<GpuId>(GpuId.Parse);
