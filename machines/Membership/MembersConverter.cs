using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// Members as JSON. Few are objects. Many, which every node is told at a start, are one flat array in which each member says what differs
/// from the one before it: how many characters of the gpu's and of the address's text are the same, the rest of both, and the difference
/// of the boot numbers. Names and addresses of a cluster are much alike, so that is less than a third as long, and as fast to read.
/// </summary>
public sealed class MembersConverter : JsonConverter<IReadOnlyList<Member>>
{
    /// <summary>So many are told by their differences.</summary>
    public const int Many = 64;

    private const int MaxLength = 256;

    /// <inheritdoc/>
    public override IReadOnlyList<Member> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("members are an array");
        List<Member> members = [];
        var (gpu, address, boot) = ("", "", 0L);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                members.Add(JsonSerializer.Deserialize(ref reader, MachinesJson.Default.Member) ?? throw new JsonException("a member is null"));
                continue;
            }

            gpu = Text(ref reader, gpu);
            Next(ref reader);
            address = Text(ref reader, address);
            Next(ref reader);
            boot = unchecked(boot + reader.GetInt64());
            try
            {
                members.Add(new Member(GpuId.Parse(gpu), address, boot));
            }
            catch (FormatException wrong)
            {
                throw new JsonException(wrong.Message);
            }
        }

        return members;
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, IReadOnlyList<Member> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        var (gpu, address, boot) = ("", "", 0L);
        foreach (var member in value)
        {
            if (value.Count < Many)
            {
                JsonSerializer.Serialize(writer, member, MachinesJson.Default.Member);
                continue;
            }

            gpu = Text(writer, gpu, member.Gpu.ToString());
            address = Text(writer, address, member.Address);
            writer.WriteNumberValue(unchecked(member.Boot - boot));
            boot = member.Boot;
        }

        writer.WriteEndArray();
    }

    private static string Text(Utf8JsonWriter writer, string before, string text)
    {
        var same = text.AsSpan().CommonPrefixLength(before);

        // Half of a surrogate pair is no text of its own.
        if (same > 0 && char.IsHighSurrogate(text[same - 1]))
            same--;
        writer.WriteNumberValue(same);
        writer.WriteStringValue(text.AsSpan(same));
        return text;
    }

    private static string Text(ref Utf8JsonReader reader, string before)
    {
        if (!reader.TryGetInt32(out var same) || same < 0 || same > before.Length)
            throw new JsonException($"a member shares {before.Length} characters at most with the one before it");
        Next(ref reader);
        var text = string.Concat(before.AsSpan(0, same), reader.GetString());
        return text.Length <= MaxLength + 64 ? text : throw new JsonException($"a gpu or an address of {text.Length} characters");
    }

    private static void Next(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
            throw new JsonException("a member is not whole");
    }
}
