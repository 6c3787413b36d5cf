using Coordinator.Machines;

namespace Coordinator.Worker.Programs;

/// <summary>A program computed other bits for the same shard and the same state: the job's promise of equal bits ends with it.</summary>
public sealed class ProgramDisagreementException(string message) : RankFaultException(FaultKind.Program, message);
