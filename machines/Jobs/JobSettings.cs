using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coordinator.Machines.Jobs;

/// <summary>
/// What a job tells its own program, by names that only that program knows. Values are texts, as a job file has them: which of them are
/// numbers the program says. Two are equal where all names and values are, so that jobs can be compared.
/// </summary>
[JsonConverter(typeof(JobSettingsConverter))]
public sealed class JobSettings : IEquatable<JobSettings>
{
    /// <summary>Most settings of a job.</summary>
    public const int MostSettings = 100;

    /// <summary>Longest name, characters.</summary>
    public const int LongestName = 64;

    /// <summary>Longest value, characters.</summary>
    public const int LongestValue = 4096;

    private readonly ImmutableSortedDictionary<string, string> values;

    /// <summary>Settings by their names.</summary>
    public JobSettings(IEnumerable<KeyValuePair<string, string>> values) =>
        this.values = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, values);

    /// <summary>None.</summary>
    public static JobSettings Empty { get; } = new([]);

    /// <summary>All of them, in ordinal order of the names.</summary>
    public IReadOnlyDictionary<string, string> ByName => values;

    /// <summary>The value of that name; null where it is not set.</summary>
    public string? this[string name] => values.GetValueOrDefault(name);

    /// <summary>Whether a setting can be called so: a letter, then letters, digits, dashes and underscores of ASCII.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= LongestName && char.IsAsciiLetter(name[0])
        && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_');

    /// <summary>These settings and one more, or with another value.</summary>
    public JobSettings With(string name, string value) => new(values.SetItem(name, value));

    /// <inheritdoc/>
    public bool Equals(JobSettings? other) => other is not null && values.SequenceEqual(other.values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as JobSettings);

    /// <inheritdoc/>
    public override int GetHashCode() => values.Count;
}

/// <summary>
/// An object of texts. Numbers and truth values are taken as they are written, since that is how a job file shows them, too.
/// </summary>
public sealed class JobSettingsConverter : JsonConverter<JobSettings>
{
    /// <inheritdoc/>
    public override JobSettings Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException();
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            values[name] = reader.TokenType switch
            {
                JsonTokenType.String => reader.GetString()!,
                JsonTokenType.True => "true",
                JsonTokenType.False => "false",
                JsonTokenType.Number => JsonElement.ParseValue(ref reader).GetRawText(),
                _ => throw new JsonException(),
            };
        }

        return new JobSettings(values);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, JobSettings value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (name, text) in value.ByName)
            writer.WriteString(name, text);
        writer.WriteEndObject();
    }
}
