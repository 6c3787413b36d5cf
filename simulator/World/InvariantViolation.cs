namespace Coordinator.Simulator.World;

/// <summary>An invariant does not hold. Ends the run of the seed at once, so that the trace ends with the cause.</summary>
public sealed class InvariantViolationException(string invariant, string message) : Exception(message)
{
    /// <summary>Name of the invariant, one of <see cref="Invariants"/>.</summary>
    public string Invariant { get; } = invariant;
}
