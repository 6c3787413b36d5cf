namespace Coordinator.Worker.Data;

/// <summary>Where a program's samples come from. Thread-safe: ranks of one process share a source.</summary>
public interface ISampleSource
{
    /// <summary>
    /// Tokens of one sample: fills all Block + 1 values of <paramref name="tokens"/>; inputs are the first Block, targets the last Block.
    /// </summary>
    /// <param name="position">
    /// Global sample position p = s*B + j of sample j of batch s, from 0. It never wraps: the source maps it to its epoch and to
    /// the window that the epoch's permutation puts there.
    /// </param>
    /// <param name="tokens">Receives the tokens, [Block + 1]; overwritten.</param>
    void ReadSample(long position, Span<int> tokens);
}
