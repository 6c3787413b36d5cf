namespace Coordinator.Worker.Devices;

/// <summary>
/// The device cannot be used any more by whoever holds it: its context is broken (CUDA calls such errors sticky), or the hardware is
/// gone. The rank faults with this message, its device is disposed of, and a later rank on the same gpu gets a new one. What fails
/// and leaves the device usable is thrown as something else.
/// </summary>
public sealed class DeviceLostException : Exception
{
    /// <summary>A loss with the device's own words, such as <c>CUDA_ERROR_ILLEGAL_ADDRESS on ilgpu:cuda:0</c>.</summary>
    public DeviceLostException(string message)
        : base(message)
    {
    }

    /// <summary>A loss with the device's own words and the exception that brought them.</summary>
    public DeviceLostException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
