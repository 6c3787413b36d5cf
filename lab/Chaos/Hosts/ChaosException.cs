namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>A scenario could not be carried out, or not in time: its verdict is failed, with this message.</summary>
public sealed class ChaosException(string message) : Exception(message);
