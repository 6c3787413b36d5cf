namespace Coordinator.Worker.Transport;

/// <summary>Knows the generations that connections are for.</summary>
internal interface IGenerationDirectory
{
    /// <summary>
    /// The group of the hello's generation, or why there is none; one that is newer than what is known here is waited for.
    /// </summary>
    Task<(GenerationLinks? Group, RefusalReason Refusal)> FindAsync(HandshakeHello hello, CancellationToken limit);
}
