namespace Coordinator.Server.Storage;

/// <summary>SQLite has no NaN, and its client throws on one: a report with a NaN must not keep a whole batch from being stored.</summary>
internal static class Storable
{
    public static double? OrNull(double value) => double.IsNaN(value) ? null : value;
}
