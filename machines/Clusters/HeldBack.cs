namespace Coordinator.Machines.Clusters;

/// <summary>Why a free gpu is not given to a job that wants one.</summary>
/// <param name="Cause">In a word or two that views group by: <c>power</c>, <c>approval</c>, <c>ramp</c>, <c>cooling</c>.</param>
/// <param name="Text">In words for people.</param>
public sealed record HeldBack(string Cause, string Text);
