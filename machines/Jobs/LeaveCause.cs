namespace Coordinator.Machines.Jobs;

/// <summary>Why a rank leaves in order, as the event says it (<see cref="EventKinds.RankLeaving"/>).</summary>
public static class LeaveCause
{
    /// <summary>Operators have drained its node or gpu.</summary>
    public const string Drained = "drained";

    /// <summary>The cluster wants it back, for want of power or cooling, or since another job can go on with it.</summary>
    public const string GivenBack = "given back";

    /// <summary>Its worker was asked to end.</summary>
    public const string Ending = "worker ends";

    /// <summary>Its gpu needs somebody to see to it.</summary>
    public const string Withdrawn = "withdrawn";
}
