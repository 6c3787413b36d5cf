using System.Globalization;

namespace Coordinator.Machines;

/// <summary>Numbers of things as people say them.</summary>
public static class Counted
{
    /// <summary><c>1 gpu</c>, <c>2 gpus</c>, <c>0 gpus</c>.</summary>
    /// <param name="count">How many.</param>
    /// <param name="noun">One of them; its plural ends in s.</param>
    public static string Of(long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
