namespace Coordinator.Machines.Gangs;

/// <summary>A folder that was frozen into one file, and is known by its hash.</summary>
/// <param name="Sha256">SHA-256 of the file, lower-case hexadecimal.</param>
/// <param name="Bytes">Its size.</param>
public sealed record GangBundle(string Sha256, long Bytes);
