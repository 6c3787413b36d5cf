namespace Coordinator.Worker.Processes;

/// <summary>A piece of a rank's log.</summary>
/// <param name="From">Where it begins; later than what was asked for where that has been dropped.</param>
/// <param name="Bytes">Its bytes; none: nothing is there yet.</param>
/// <param name="End">Where the log ends now.</param>
public sealed record LogPiece(long From, byte[] Bytes, long End);
