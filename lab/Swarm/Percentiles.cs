namespace Coordinator.Lab.Swarm;

/// <summary>Times of many answers.</summary>
/// <param name="Count">Answers.</param>
/// <param name="Median">Milliseconds that half of them took at most.</param>
/// <param name="P99">Milliseconds that 99 of 100 took at most.</param>
/// <param name="Most">Milliseconds of the slowest.</param>
public sealed record Percentiles(int Count, double Median, double P99, double Most)
{
    /// <summary>Of some times; null: there are none.</summary>
    public static Percentiles? Of(IReadOnlyList<double> times)
    {
        if (times.Count == 0)
            return null;
        double[] sorted = [.. times.Order()];
        return new Percentiles(
            sorted.Length, sorted[(sorted.Length - 1) / 2], sorted[(int)Math.Ceiling(0.99 * sorted.Length) - 1], sorted[^1]);
    }
}
