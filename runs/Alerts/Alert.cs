namespace Coordinator.Runs.Alerts;

/// <summary>Something that an operator is to see to, or that is over.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Subject">What it is about: a job, a node, a silo.</param>
/// <param name="Text">What is the matter, a sentence without a full stop.</param>
/// <param name="At">When it began to be told.</param>
/// <param name="IsOver">Whether it is no longer so.</param>
public sealed record Alert(AlertRule Rule, string Subject, string Text, DateTimeOffset At, bool IsOver = false);
