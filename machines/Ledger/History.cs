namespace Coordinator.Machines.Ledger;

/// <summary>An event, and when it was stored.</summary>
/// <param name="At">Wall time of the silo that stored it.</param>
/// <param name="Event">The event.</param>
public sealed record HistoryEvent(DateTimeOffset At, CoordinatorEvent Event);

/// <summary>A step, and when it was recorded: up to a report's period after it was applied.</summary>
/// <param name="At">Wall time of the silo that recorded it.</param>
/// <param name="Timeline">Timeline of the step.</param>
/// <param name="Step">The step.</param>
public sealed record HistoryStep(DateTimeOffset At, int Timeline, StepRecord Step);
