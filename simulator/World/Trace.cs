namespace Coordinator.Simulator.World;

/// <summary>
/// What happened, in order. Keeps the last few entries for reports and a running hash over all of them, by which two runs of
/// a seed are compared. Details are turned into text only where somebody reads them.
/// </summary>
internal sealed class Trace(int kept, Action<string>? live)
{
    private readonly Entry[] ring = new Entry[kept];

    /// <summary>Hash over every entry so far.</summary>
    public ulong Hash { get; private set; }

    /// <summary>Number of entries so far.</summary>
    public long Count { get; private set; }

    public void Add(TimeSpan time, string who, string what, long a, long b, object? detail)
    {
        Hash = Mix.Scramble(Hash ^ (ulong)time.Ticks) + Mix.Text(who) + (3 * Mix.Text(what));
        Hash = Mix.Scramble(Hash + (ulong)a + (Mix.Scramble((ulong)b) << 1));
        var entry = new Entry(time, who, what, a, b, detail);
        ring[Count++ % ring.Length] = entry;
        live?.Invoke(entry.ToString());
    }

    /// <summary>The kept entries, oldest first.</summary>
    public IReadOnlyList<string> Last()
    {
        var lines = new List<string>();
        for (var i = Math.Max(0, Count - ring.Length); i < Count; i++)
            lines.Add(ring[i % ring.Length].ToString());
        return lines;
    }

    private readonly record struct Entry(TimeSpan Time, string Who, string What, long A, long B, object? Detail)
    {
        public override string ToString() =>
            $"{Time.TotalMilliseconds,10:0.000} ms  {Who,-16} "
                + $"{What}{(A == 0 && B == 0 ? "" : B == 0 ? $" {A}" : $" {A} {B}")}{(Detail is null ? "" : "  " + TraceText.Of(Detail))}";
    }
}
