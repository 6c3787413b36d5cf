using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary><see cref="AttentionShape"/> as a kernel's argument, with what the kernels derive from it.</summary>
internal readonly struct AttentionArguments(AttentionShape shape)
{
    public readonly int Time = shape.Time;
    public readonly int Channels = shape.Channels;
    public readonly int Heads = shape.Heads;
    public readonly int HeadSize = shape.HeadSize;

    /// <summary>1 / sqrt(head size).</summary>
    public readonly float Scale = 1f / MathF.Sqrt(shape.HeadSize);
}
