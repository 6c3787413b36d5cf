namespace Coordinator.Programs;

/// <summary>What a pass gives beside its gradient.</summary>
/// <param name="LossSum">Sum of the losses over the targets, not a mean: the step divides by all targets of the batch.</param>
/// <param name="Targets">Number of targets that the sum covers; with one target a sample, <see cref="Pass.Count"/>.</param>
public readonly record struct PassResult(double LossSum, long Targets);
