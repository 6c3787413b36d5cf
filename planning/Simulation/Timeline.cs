using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Simulation;

/// <summary>A stretch of time in which a job did one thing.</summary>
/// <param name="From">Seconds from the start.</param>
/// <param name="To">Its end.</param>
/// <param name="Doing">What, by the name under which it is booked.</param>
/// <param name="Ranks">Ranks that took part.</param>
public readonly record struct Stretch(double From, double To, Loss Doing, int Ranks);

/// <summary>
/// What a job did when: stretches without gaps. Copies for checkpoints are too short to be told apart, and count as training.
/// </summary>
public sealed class Timeline
{
    private readonly List<Stretch> stretches = [];

    /// <summary>In the order of time.</summary>
    public IReadOnlyList<Stretch> Stretches => stretches;

    /// <summary>From the end of the last stretch on it did this.</summary>
    public void Add(double to, Loss doing, int ranks)
    {
        var from = stretches.Count == 0 ? 0 : stretches[^1].To;
        if (to <= from)
            return;
        if (stretches.Count > 0 && stretches[^1].Doing == doing && stretches[^1].Ranks == ranks)
            stretches[^1] = stretches[^1] with { To = to };
        else
            stretches.Add(new Stretch(from, to, doing, ranks));
    }

    /// <summary>The newest seconds of training were in vain.</summary>
    public void Waste(double seconds)
    {
        for (var i = stretches.Count - 1; i >= 0 && seconds > 1e-9; i--)
        {
            var stretch = stretches[i];
            if (stretch.Doing != Loss.Productive)
                continue;
            var length = stretch.To - stretch.From;
            if (length <= seconds)
            {
                stretches[i] = stretch with { Doing = Loss.WastedProgress };
            }
            else
            {
                stretches[i] = stretch with { To = stretch.To - seconds };
                stretches.Insert(i + 1, stretch with { From = stretch.To - seconds, Doing = Loss.WastedProgress });
            }

            seconds -= length;
        }
    }
}
