using System.Runtime.CompilerServices;
using Coordinator.Worker.Ilgpu.Numerics;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// <see cref="DropoutPlan"/> as a kernel's argument: the same elements of the same samples are dropped as on the CPU.
/// </summary>
internal readonly struct DropoutMask
{
    public readonly int Active;
    public readonly uint Threshold;
    public readonly float Scale;
    public readonly ulong Key;
    public readonly ulong FirstPosition;
    public readonly uint Place;

    public DropoutMask(DropoutPlan plan)
    {
        Active = plan.IsActive ? 1 : 0;

        // An element is kept when its 32 random bits are at or above p * 2^32.
        Threshold = (uint)Math.Min(Math.Floor(plan.Probability * 4294967296.0), uint.MaxValue);
        Scale = (float)(1 / (1 - plan.Probability));
        Key = plan.Seed;
        FirstPosition = (ulong)plan.FirstPosition;
        Place = (uint)RandomUse.Dropout + plan.Place;
    }

    /// <summary>Element <paramref name="element"/> of a sequence: 0, or scaled up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Apply(DropoutMask mask, int sequence, long element, float value)
    {
        if (mask.Active == 0) return value;
        var position = mask.FirstPosition + (ulong)sequence;
        var word = DevicePhilox.Word(
            mask.Key, (uint)position, (uint)(position >> 32), (uint)(element >> 2), mask.Place, (int)(element & 3));
        return word >= mask.Threshold ? DeviceMath.Multiply(value, mask.Scale) : 0f;
    }
}
