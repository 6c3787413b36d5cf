namespace Coordinator.Planning.Simulation;

/// <summary>
/// Something that neighbouring nodes hang on: while one of it is out, so are they. Nodes are numbered through, and a part has as many of
/// them as it says.
/// </summary>
/// <param name="Name"><c>rack</c>, <c>switch</c>, <c>power_zone</c> or <c>cooling_zone</c>.</param>
/// <param name="Nodes">Nodes of one such part.</param>
/// <param name="FailuresPerYear">How often one such part fails in a year.</param>
/// <param name="RepairHours">Mean hours until its nodes are there again; exponential.</param>
public sealed record SharedPart(string Name, int Nodes, double FailuresPerYear, double RepairHours)
{
    private const double DaysOfAYear = 365.25;

    /// <summary>Names that a part may have, from the smallest to the largest.</summary>
    public static IReadOnlyList<string> Names { get; } = ["rack", "switch", "power_zone", "cooling_zone"];

    /// <summary>Its failure, as the failures of nodes are counted.</summary>
    public FailureCause Cause =>
        new(Name, FailuresPerYear / DaysOfAYear * 1000 / Nodes, Remedy.Replace, RepairHours, Nodes, IsShared: true);
}
