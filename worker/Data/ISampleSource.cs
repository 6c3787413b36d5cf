namespace Coordinator.Worker.Data;

/// <summary>
/// Where a training program gets its samples: position p of the job's endless data order, the same on every rank.
/// Thread-safe.
/// </summary>
public interface ISampleSource
{
    /// <summary>Reads the sample at <paramref name="position"/>.</summary>
    /// <param name="position">Position in the data order, p = sB + j: sample j of batch s. From 0, without end.</param>
    /// <param name="tokens">Receives Block + 1 tokens: inputs are the first Block, targets the last Block.</param>
    void ReadSample(long position, Span<int> tokens);
}
