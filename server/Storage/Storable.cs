using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>What databases cannot take: a report with such a value must not keep a whole batch from being stored.</summary>
internal static class Storable
{
    /// <summary>SQLite has no NaN, and its client throws on one.</summary>
    public static double? OrNull(double value) => double.IsNaN(value) ? null : value;

    /// <summary>
    /// Most characters of an event's text: a machine puts a few strangers' words of <see cref="PlainText.MostStored"/> together.
    /// </summary>
    public const int MostText = 2 * PlainText.MostStored;

    /// <summary>A line of at most <see cref="MostText"/> characters, as people read it. PostgreSQL has no NUL in a text, for one.</summary>
    public static string Text(string text) => PlainText.Line(text, MostText);
}
