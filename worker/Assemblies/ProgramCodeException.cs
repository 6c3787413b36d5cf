using Coordinator.Machines;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.Assemblies;

/// <summary>A team's own code in this worker failed: a fault of its rank alone, of which nothing is said of the gpu.</summary>
public sealed class ProgramCodeException(string message, Exception? inner = null) : RankFaultException(FaultKind.Program, message, inner);
