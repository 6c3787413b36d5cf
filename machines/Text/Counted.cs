using System.Globalization;

namespace Coordinator.Machines;

/// <summary>Numbers of things as people say them.</summary>
public static class Counted
{
    /// <summary><c>1 gpu</c>, <c>2 gpus</c>, <c>0 gpus</c>.</summary>
    /// <param name="count">How many.</param>
    /// <param name="noun">One of them.</param>
    /// <param name="plural">Several of them; without it the noun's plural ends in s.</param>
    public static string Of(long count, string noun, string? plural = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? noun : plural ?? $"{noun}s")}");
}
