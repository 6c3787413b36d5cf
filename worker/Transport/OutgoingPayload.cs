namespace Coordinator.Worker.Transport;

/// <summary>
/// What a frame carries: bytes that stay as they are until the frame has left or its generation is over, and the pooled buffer
/// that they lie in, if they do; the transport releases that one reference.
/// </summary>
public readonly record struct OutgoingPayload(ArraySegment<byte> Bytes, PooledBlock? Owner = null)
{
    /// <summary>No payload.</summary>
    public static OutgoingPayload None => new(ArraySegment<byte>.Empty);

    /// <summary>A payload in a pooled buffer, whose reference passes to the transport.</summary>
    public static OutgoingPayload From(PooledBlock block) => new(block.Segment, block);
}
