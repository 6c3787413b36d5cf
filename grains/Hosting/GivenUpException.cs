namespace Coordinator.Grains.Hosting;

/// <summary>An activation is not its grain any more, and says nothing further; the next message finds a new one.</summary>
public sealed class GivenUpException(string why, Exception? inner = null) : Exception(why, inner);
