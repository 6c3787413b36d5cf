using Coordinator.Machines;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.External;

/// <summary>
/// The process that computes for a rank is of no more use: it died, hung, broke the protocol or failed in its own code. The rank faults
/// with this message, and a later rank on the same gpu starts another process. Nothing is said of the gpu.
/// </summary>
public class ProgramFaultException(string message, Exception? inner = null) : RankFaultException(FaultKind.Program, message, inner);

/// <summary>The program computed other bits for the same shard and the same state: the job's promise of equal bits ends with it.</summary>
public sealed class ProgramDisagreementException(string message) : ProgramFaultException(message);

/// <summary>The connection has ended, and whoever knows the process says why.</summary>
internal sealed class ProgramGoneException(Exception? inner) : ProgramFaultException("the program closed its connection", inner);
