namespace Coordinator.Machines.Gangs.Policies;

/// <summary>
/// Whether a gang may be started again. A failure of its own costs one restart; getting on gives all of them back. A step is progress only
/// where it is beyond every earlier one: a program that goes back to its checkpoint and fails at the same place again and again does not
/// get on.
/// </summary>
public static class RestartBudget
{
    /// <summary>Whether a generation got on.</summary>
    /// <param name="spec">The spec.</param>
    /// <param name="bestBefore">Highest step before the generation.</param>
    /// <param name="best">Highest step now.</param>
    /// <param name="ran">How long all of it ran.</param>
    /// <param name="silent">How long nothing had been heard of it at its end.</param>
    public static bool GotOn(GangSpec spec, long bestBefore, long best, TimeSpan ran, TimeSpan silent) =>
        best > bestBefore || (best == 0 && ran >= spec.ProgressTime && silent < spec.ProgressTime);

    /// <summary>What the budget says after a failure.</summary>
    /// <param name="spec">The spec.</param>
    /// <param name="spent">Failures since the gang last got on, without this one.</param>
    /// <param name="gotOn">Whether it has got on since.</param>
    /// <param name="counts">Whether the failure is the program's own.</param>
    /// <returns>Failures since it last got on, and whether that is too many.</returns>
    public static (int Spent, bool IsOver) After(GangSpec spec, int spent, bool gotOn, bool counts)
    {
        var now = (gotOn ? 0 : spent) + (counts ? 1 : 0);
        return (now, now > spec.Restarts);
    }
}
