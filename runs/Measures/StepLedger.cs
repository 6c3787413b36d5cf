using Coordinator.Machines;

namespace Coordinator.Runs.Measures;

/// <summary>Whether the recorded steps are exactly 1 to N, once each.</summary>
/// <param name="Missing">Steps of 1 to N that are not recorded.</param>
/// <param name="Repeated">Records beyond the first of their step, or outside 1 to N.</param>
public sealed record StepLedger(long Missing, long Repeated)
{
    /// <summary>Steps lost: none only if each is there once.</summary>
    public long Lost => Missing + Repeated;

    /// <summary>Counts.</summary>
    public static StepLedger Of(IEnumerable<StepRecord> steps, long last)
    {
        var seen = new HashSet<long>();
        long repeated = 0;
        foreach (var step in steps)
        {
            if (step.Step < 1 || step.Step > last || !seen.Add(step.Step))
                repeated++;
        }

        return new StepLedger(last - seen.Count, repeated);
    }
}
