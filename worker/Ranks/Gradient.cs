using System.Runtime.InteropServices;

namespace Coordinator.Worker.Ranks;

/// <summary>Sum of the gradients of some shards, [n], with the loss and targets that it covers.</summary>
public sealed class Gradient(int elements)
{
    private readonly byte[] bytes = GC.AllocateUninitializedArray<byte>(checked(elements * sizeof(float)), pinned: true);

    /// <summary>Sum of the losses over <see cref="Targets"/>.</summary>
    public double Loss { get; set; }

    /// <summary>Targets that the loss covers.</summary>
    public long Targets { get; set; }

    /// <summary>All n elements.</summary>
    public Span<float> Floats => MemoryMarshal.Cast<byte, float>(bytes.AsSpan());

    /// <summary>Bytes of the elements from <paramref name="start"/>.</summary>
    public ArraySegment<byte> Segment(int start, int count) => new(bytes, start * sizeof(float), count * sizeof(float));
}
