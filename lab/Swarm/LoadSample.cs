namespace Coordinator.Lab.Swarm;

/// <summary>What silos and swarm cost during a measure.</summary>
/// <param name="SiloCores">Processor seconds of the silos each second; null: they are not ours to look at.</param>
/// <param name="SwarmCores">Of this process, with all agents.</param>
/// <param name="SiloBytes">Resident memory of the silos at its end; null likewise.</param>
/// <param name="SiloPeakBytes">The most that was so far, over the silos' restarts.</param>
/// <param name="SwarmBytes">Resident memory of this process.</param>
public sealed record LoadSample(double? SiloCores, double SwarmCores, long? SiloBytes, long? SiloPeakBytes, long SwarmBytes)
{
    /// <summary>The silos one by one, where there are several; a process that was killed meanwhile is not among them.</summary>
    public IReadOnlyList<SiloSample> Silos { get; init; } = [];

    /// <summary>The most memory that any one silo had so far.</summary>
    public long? LargestSiloBytes { get; init; }
}
