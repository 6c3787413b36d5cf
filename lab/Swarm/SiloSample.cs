namespace Coordinator.Lab.Swarm;

/// <summary>What one silo cost during a measure.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Processor">Processor time that its process took.</param>
/// <param name="Bytes">Resident memory at the end.</param>
/// <param name="PeakBytes">The most that its process had so far.</param>
public sealed record SiloSample(string Name, TimeSpan Processor, long Bytes, long PeakBytes);
