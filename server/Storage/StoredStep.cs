using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>An applied step as it was first recorded.</summary>
/// <param name="Ordinal">Rises with every step of the store.</param>
/// <param name="Timeline">Timeline of the step.</param>
/// <param name="RecordedAt">Wall time of the silo's host, UTC.</param>
/// <param name="Step">The step.</param>
public sealed record StoredStep(long Ordinal, int Timeline, DateTimeOffset RecordedAt, StepRecord Step);
