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

    /// <summary>Reads the row at <paramref name="position"/>, where the data are a table.</summary>
    /// <param name="position">Position in the data order, as for tokens.</param>
    /// <param name="row">Receives all columns.</param>
    /// <exception cref="NotSupportedException">They are none.</exception>
    void ReadRow(long position, Span<float> row) => throw new NotSupportedException("These samples are tokens and no rows.");
}
