namespace Coordinator.Server.Storage;

/// <summary>What databases cannot take: a report with such a value must not keep a whole batch from being stored.</summary>
internal static class Storable
{
    /// <summary>SQLite has no NaN, and its client throws on one.</summary>
    public static double? OrNull(double value) => double.IsNaN(value) ? null : value;

    /// <summary>PostgreSQL has no NUL in a text.</summary>
    public static string? Text(string? text) => text?.Replace('\0', '\uFFFD');
}
