namespace Coordinator.Worker.Devices;

/// <summary>A library of devices cannot be used; the message says why, the remedy what to do.</summary>
public sealed class DeviceBackendException(string message, string remedy, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What to do about it.</summary>
    public string Remedy { get; } = remedy;
}
