using System.Runtime.InteropServices;

namespace Coordinator.Worker.Devices;

/// <summary>A gradient of a device that computes in host memory: its view is the gradient, and nothing is ever copied.</summary>
public sealed class HostGradient(int length) : DeviceGradient(length)
{
    private readonly byte[] bytes = GC.AllocateUninitializedArray<byte>(checked(length * sizeof(float)), pinned: true);

    /// <summary>All n elements.</summary>
    public Span<float> Floats => MemoryMarshal.Cast<byte, float>(bytes.AsSpan());

    /// <inheritdoc/>
    public override void BeginDownload()
    {
    }

    /// <inheritdoc/>
    public override void AwaitDownload(int end)
    {
    }

    /// <inheritdoc/>
    public override ArraySegment<byte> Host(int start, int count) => new(bytes, start * sizeof(float), count * sizeof(float));

    /// <inheritdoc/>
    public override void BeginUpload(int start, int count)
    {
    }
}
