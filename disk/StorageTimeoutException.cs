namespace Coordinator.Disk;

/// <summary>Storage did not answer; the message names what was read.</summary>
public sealed class StorageTimeoutException(string message) : IOException(message);
