namespace Coordinator.Machines;

/// <summary>
/// One rank's slice of a saved state, as it lies in the checkpoint's folder. A slice without elements, where there are more ranks than
/// blocks, has no file.
/// </summary>
/// <param name="File">Name of the file in the checkpoint's folder; empty where there is none.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Sha256">SHA-256 of the file, lower-case hexadecimal.</param>
/// <param name="Offset">First element of the whole state that it holds.</param>
/// <param name="Elements">Float32 elements that it holds.</param>
public sealed record CheckpointPart(string File, long Bytes, string Sha256, long Offset, long Elements);

/// <summary>A complete checkpoint, as its job has recorded it.</summary>
/// <param name="Id">Which.</param>
/// <param name="ManifestSha256">SHA-256 of its manifest, which holds those of the parts.</param>
/// <param name="Bytes">Size of all parts.</param>
/// <param name="Parts">Number of parts.</param>
public sealed record CheckpointRef(CheckpointId Id, string ManifestSha256, long Bytes, int Parts);

/// <summary>A worker process, and with it all state that it held.</summary>
public readonly record struct WorkerProcess(NodeId Node, long Boot);
