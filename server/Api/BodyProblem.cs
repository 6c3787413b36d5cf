using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
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
    /// <param name="wanted">What the body should be.</param>
    public static BodyProblem Of(JsonException exception, JsonObject body, JsonTypeInfo wanted)
    {
        var place = Dotted(exception.Path ?? "");
        if (exception.Message.StartsWith("The JSON property '", StringComparison.Ordinal))
            return new BodyProblem(place, "is no member that is known here");
        if (Missing().Match(exception.Message) is { Success: true } missing)
            return new BodyProblem(place.Length > 0 ? $"{place}.{missing.Groups[1].Value}" : missing.Groups[1].Value, "is missing");
        var value = Find(body, place);
        var shown = value is null ? "null" : PlainText.Line(value.ToJsonString(), MostShown);
        return new BodyProblem(place, $"is {shown} but must be {Expected(Member(wanted, place), value is null)}");
    }

    // The reader's own message names the type whose member it is, and not what the member has to be.
    private static string Expected(JsonTypeInfo? member, bool isNull)
    {
        if (member is null || (isNull && !member.Type.IsValueType))
            return "given, and not null";
        var type = Nullable.GetUnderlyingType(member.Type) ?? member.Type;
        return member.Kind switch
        {
            JsonTypeInfoKind.Enumerable => "a list",
            JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary => "an object",
            _ when type == typeof(int) || type == typeof(long) => "a whole number",
            _ when type == typeof(ulong) => "a whole number, 0 or more",
            _ when type == typeof(double) => "a number",
            _ when type == typeof(bool) => "true or false",
            _ when type == typeof(TimeSpan) => "a time such as \"00:00:10\"",
            _ => "a text",
        };
    }

    private static JsonTypeInfo? Member(JsonTypeInfo? info, string place)
    {
        foreach (var part in place.Split(['.', '['], StringSplitOptions.RemoveEmptyEntries))
        {
            var type = info?.Kind is JsonTypeInfoKind.Object
                ? info.Properties.FirstOrDefault(property => property.Name == part)?.PropertyType
                : info?.ElementType;
            info = type is null ? null : info!.Options.GetTypeInfo(type);
        }

        return info;
    }

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

    [GeneratedRegex("missing required properties including: '([^']+)'")]
    private static partial Regex Missing();

    [GeneratedRegex(@"\['((?:[^']|'(?!\]))*)'\]")]
    private static partial Regex QuotedName();
}
