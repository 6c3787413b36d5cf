namespace Coordinator.Server.Gateway;

/// <summary>One frame from a worker, or why there is none: a fault of the peer, or (neither) the end of the connection.</summary>
internal readonly record struct Frame(ReadOnlyMemory<byte> Text, CloseReason? Fault, bool Ended);
