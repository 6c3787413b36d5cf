using Coordinator.Machines;

namespace Coordinator.Worker.Programs;

/// <summary>
/// Data of the job are missing, or are not what the job names, wherever they could be: on this node and at every silo. No other gpu would
/// find them.
/// </summary>
/// <param name="message">Which data, what is wrong with them, and where they can be put right.</param>
/// <param name="inner">What it came from; null: nothing else.</param>
public sealed class MissingDataException(string message, Exception? inner = null) : RankFaultException(FaultKind.Job, message, inner);
