namespace Coordinator.Worker.Devices;

/// <summary>A gradient of a device that computes in host memory: its view is the gradient, and nothing is ever copied.</summary>
/// <param name="length">n, the number of elements.</param>
/// <param name="blockElements">Elements of a block of the job's collective.</param>
public sealed class HostGradient(long length, int blockElements = 1) : DeviceGradient(length)
{
    /// <summary>All n elements.</summary>
    public HostFloats Numbers { get; } = new(length, blockElements);

    /// <summary>All n elements, where one array holds them.</summary>
    public Span<float> Floats => Numbers.Whole;

    /// <inheritdoc/>
    public override void BeginDownload()
    {
    }

    /// <inheritdoc/>
    public override void AwaitDownload(long end)
    {
    }

    /// <inheritdoc/>
    public override ArraySegment<byte> Host(long start, int count) => Numbers.Bytes(start, count);

    /// <inheritdoc/>
    public override Span<float> HostFrom(long start) => Numbers.From(start);

    /// <inheritdoc/>
    public override void BeginUpload(long start, long count)
    {
    }
}
