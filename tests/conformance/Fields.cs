using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Coordinator.Conformance;

/// <summary>The <c>name=value</c> parts of a step: what a message is made of, or what is expected of one.</summary>
internal static class Fields
{
    private static readonly string[] Relations = ["!=", ">=", "<=", "=", "<", ">"];

    /// <summary>Splits a line at blanks outside of quotes and braces; quotes around a value are taken off.</summary>
    public static List<string> Words(string line)
    {
        var words = new List<string>();
        var word = "";
        var (quoted, depth) = (false, 0);
        foreach (var c in line + " ")
        {
            if (c == '"' && depth == 0)
            {
                quoted = !quoted;
            }
            else if (c == ' ' && !quoted && depth == 0)
            {
                if (word.Length > 0)
                    words.Add(word);
                word = "";
            }
            else
            {
                word += c;
                depth += quoted ? 0 : c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
            }
        }

        return words;
    }

    /// <summary>Puts fields into an object, over what is there.</summary>
    public static void Put(JsonObject target, IEnumerable<string> fields)
    {
        foreach (var field in fields)
        {
            var (name, relation, value) = Split(field);
            if (relation != "=")
                throw new FormatException($"'{field}' is no name=value");
            target[name] = Value(value);
        }
    }

    /// <summary>Whether an object has all the fields; a name may be a path, such as <c>members.0.gpu</c>.</summary>
    public static bool Match(JsonNode? found, IEnumerable<string> fields) => fields.All(field =>
    {
        var (name, relation, value) = Split(field);
        var node = name.Split('.').Aggregate(found, Member);
        var text = node is null ? "null" : node is JsonValue leaf && leaf.TryGetValue<string>(out var plain) ? plain : node.ToJsonString();
        return relation switch
        {
            "=" => text == value,
            "!=" => text != value,
            _ => double.TryParse(text, CultureInfo.InvariantCulture, out var left) && Compare(
                left, relation, double.Parse(value, CultureInfo.InvariantCulture)),
        };
    });

    /// <summary>A time such as <c>200ms</c>, <c>3s</c> or <c>2m</c>.</summary>
    public static TimeSpan Time(string text)
    {
        var number = text.TrimEnd('m', 's');
        var value = double.Parse(number, CultureInfo.InvariantCulture);
        return text[number.Length..] switch
        {
            "ms" => TimeSpan.FromMilliseconds(value),
            "s" => TimeSpan.FromSeconds(value),
            "m" => TimeSpan.FromMinutes(value),
            _ => throw new FormatException($"'{text}' is no time: write 200ms, 3s or 2m"),
        };
    }

    /// <summary>A run of numbers such as <c>1..5</c>.</summary>
    public static (long First, long Last) Run(string text)
    {
        var ends = text.Split("..");
        return (long.Parse(ends[0], CultureInfo.InvariantCulture), long.Parse(ends[^1], CultureInfo.InvariantCulture));
    }

    private static bool Compare(double left, string relation, double right) => relation switch
    {
        ">=" => left >= right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left < right,
    };

    private static JsonNode? Member(JsonNode? node, string name) => node switch
    {
        JsonObject found => found[name],
        JsonArray list when int.TryParse(name, CultureInfo.InvariantCulture, out var index) => index < list.Count ? list[index] : null,
        JsonArray list when name == "count" => list.Count,
        _ => null,
    };

    private static (string Name, string Relation, string Value) Split(string field)
    {
        var at = field.IndexOfAny(['=', '!', '<', '>']);
        var relation = at <= 0 ? null : Relations.FirstOrDefault(one => field.AsSpan(at).StartsWith(one));
        return relation is null ? throw new FormatException($"'{field}' is no name=value") : (
            field[..at], relation, field[(at + relation.Length)..]);
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            // Most texts are no JSON: names, times of day, reasons.
            return JsonValue.Create(text);
        }
    }
}
