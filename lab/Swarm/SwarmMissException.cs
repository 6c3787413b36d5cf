namespace Coordinator.Lab.Swarm;

/// <summary>Something did not come about in time: what, and how far it was.</summary>
internal sealed class SwarmMissException(string message) : Exception(message);
