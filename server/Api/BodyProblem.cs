using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Coordinator.Machines;

namespace Coordinator.Server.Api;

/// <summary>What is wrong with a request's body, in words that name no type of .NET.</summary>
/// <param name="Place">Dotted path of the member; null or empty: the whole body.</param>
/// <param name="What">What is wrong: a sentence where there is no place, and what follows the place where there is one.</param>
internal sealed partial record BodyProblem(string? Place, string What)
{
    private const int MostShown = 60;

    /// <summary>The problem in a sentence.</summary>
    public override string ToString() => string.IsNullOrEmpty(Place) ? What : $"{Place} {What}";

    /// <summary>What kept a body, which is sound JSON, from being what it should be.</summary>
    /// <param name="exception">What its reader said.</param>
    /// <param name="body">The body.</param>
    public static BodyProblem Of(JsonException exception, JsonObject body)
    {
        var place = Dotted(exception.Path ?? "");
        if (exception.Message.StartsWith("The JSON property '", StringComparison.Ordinal))
            return new BodyProblem(place, "is no member that is known here");
        if (Missing().Match(exception.Message) is { Success: true } missing)
            return new BodyProblem(place.Length > 0 ? $"{place}.{missing.Groups[1].Value}" : missing.Groups[1].Value, "is missing");
        var value = Find(body, place);
        var shown = value is null ? "null" : PlainText.Line(value.ToJsonString(), MostShown);
        return new BodyProblem(place, $"is {shown} but must be {Expected(exception.Message)}");
    }

    private static string Expected(string message) => TypeName().Match(message) is { Success: true } found
        ? found.Groups[1].Value switch
        {
            "System.Int32" or "System.Int64" => "a whole number",
            "System.UInt64" => "a whole number, 0 or more",
            "System.Double" => "a number",
            "System.Boolean" => "true or false",
            "System.String" => "a text",
            "System.TimeSpan" => "a time such as \"00:00:10\"",
            var other when other.Contains("IReadOnlyList", StringComparison.Ordinal) => "a list",
            _ => "an object",
        }
        : "given, and not null";

    private static JsonNode? Find(JsonNode? node, string place)
    {
        foreach (var part in place.Split(['.', '['], StringSplitOptions.RemoveEmptyEntries))
        {
            node = node switch
            {
                JsonObject members => members[part],
                JsonArray items when int.TryParse(part.TrimEnd(']'), out var index) && index < items.Count => items[index],
                _ => null,
            };
        }

        return node;
    }

    // The path of System.Text.Json: $.training.steps, $.nodes[2], and ['…'] around names with dots or blanks.
    private static string Dotted(string path) => QuotedName().Replace(path.TrimStart('$'), ".$1").TrimStart('.');

    [GeneratedRegex(@"(?:converted to|on type|for type) '?(?:System\.Nullable`1\[)?([A-Za-z0-9_.`]+)")]
    private static partial Regex TypeName();

    [GeneratedRegex("missing required properties including: '([^']+)'")]
    private static partial Regex Missing();

    [GeneratedRegex(@"\['((?:[^']|'(?!\]))*)'\]")]
    private static partial Regex QuotedName();
}
