using Coordinator.Machines;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// P: a rank's partial sums of the step in work, by subtree, and the device's gradients that they lie in, which are used again and again.
/// Sums are written by <see cref="Keep"/> and <see cref="Merge"/> alone. Not thread-safe: the rank's loop calls it.
/// </summary>
public sealed class PartialSums(IRankDevice device, int blockElements) : IDisposable
{
    private readonly Dictionary<Subtree, DeviceGradient> held = [];
    private readonly Stack<DeviceGradient> free = [];
    private readonly HashSet<DeviceGradient> made = [];

    /// <summary>Subtrees held, sorted.</summary>
    public IReadOnlyList<Subtree> Held => [.. held.Keys.Order()];

    /// <summary>The sum over a subtree.</summary>
    /// <exception cref="InvalidOperationException">P does not hold it.</exception>
    public DeviceGradient this[Subtree subtree] =>
        held.TryGetValue(subtree, out var gradient) ? gradient : throw new InvalidOperationException($"P does not hold {subtree}");

    /// <summary>A gradient to compute into, of undefined content.</summary>
    public DeviceGradient Rent()
    {
        if (free.TryPop(out var used))
            return used;
        var gradient = device.CreateGradient();
        made.Add(gradient);
        return gradient;
    }

    /// <summary>Takes back a gradient that is of no more use.</summary>
    public void Return(DeviceGradient gradient) => free.Push(gradient);

    /// <summary>A rented gradient becomes the subtree of one shard.</summary>
    public void Keep(Subtree leaf, DeviceGradient gradient) => held.Add(leaf, gradient);

    /// <summary>left = left + right under the parent's name; right is free.</summary>
    /// <exception cref="InvalidOperationException">They are no neighbours, or P does not hold them.</exception>
    public void Merge(Subtree left, Subtree right)
    {
        if (left.Sibling != right || !left.IsLeft)
            throw new InvalidOperationException($"{left} and {right} are no left and right of one parent");
        var (sum, addend) = (Remove(left), Remove(right));
        device.Add(sum, addend);
        sum.Loss += addend.Loss;
        sum.Targets += addend.Targets;
        held.Add(left.Parent, sum);
        free.Push(addend);
    }

    /// <summary>A subtree's buffer is free.</summary>
    public void Drop(Subtree subtree) => free.Push(Remove(subtree));

    /// <summary>Bytes of a subtree's block, <paramref name="elements"/> long, in host memory; waits for them to get there.</summary>
    public ArraySegment<byte> Block(Subtree subtree, int block, int elements)
    {
        var (gradient, start) = (this[subtree], (long)block * blockElements);
        gradient.AwaitDownload(start + elements);
        return gradient.Host(start, elements);
    }

    /// <summary>Holds nothing any more and gives the memory of all that is not being computed into back.</summary>
    public void Forget()
    {
        foreach (var subtree in Held)
            Drop(subtree);
        while (free.TryPop(out var gradient))
        {
            made.Remove(gradient);
            gradient.Dispose();
        }
    }

    /// <summary>Gives all memory back. The device must not be computing any more.</summary>
    public void Dispose()
    {
        foreach (var gradient in made)
            gradient.Dispose();
        made.Clear();
        held.Clear();
        free.Clear();
    }

    private DeviceGradient Remove(Subtree subtree) =>
        held.Remove(subtree, out var gradient) ? gradient : throw new InvalidOperationException($"P does not hold {subtree}");
}
