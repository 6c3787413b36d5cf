namespace Coordinator.Server.Hosting;

/// <summary>
/// A grain did not answer: its silo is dying or dead and it has not been loaded elsewhere yet, or it lost its place to another activation.
/// </summary>
public sealed class GrainsAwayException(string what, Exception? inner = null) : Exception($"{what} does not answer at the moment", inner);
