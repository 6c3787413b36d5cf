using System.Text.RegularExpressions;
using Coordinator.Machines;

namespace Coordinator.Server.Hosting;

/// <summary>What the framework says of a query or a path that it cannot read, in words that name no type of .NET.</summary>
internal static partial class BindingProblem
{
    private const int MostShown = 60;

    /// <summary>The sentence; what is not known is passed on as it is.</summary>
    public static string Of(string message)
    {
        if (Pattern().Match(message) is not { Success: true } found)
            return message;
        var (type, name, value) = (found.Groups["type"].Value, found.Groups["name"].Value, found.Groups["value"].Value);
        var expected = type switch
        {
            _ when type.Contains("bool", StringComparison.Ordinal) => "true or false",
            _ when type.Contains("int", StringComparison.Ordinal) => $"a whole number, {int.MinValue} to {int.MaxValue}",
            _ when type.Contains("long", StringComparison.Ordinal) => "a whole number of at most 63 bits",
            _ => "something else",
        };
        return $"{name} is '{PlainText.Line(value, MostShown)}' but must be {expected}";
    }

    [GeneratedRegex("""\AFailed to bind parameter "(?<type>.+) (?<name>\w+)" from "(?<value>.*)"\.\z""", RegexOptions.Singleline)]
    private static partial Regex Pattern();
}
