using Coordinator.Worker.Devices;

namespace Coordinator.Tests;

/// <summary>Devices by plain arrays, for tests that look at numbers: every call brings its gradient in or out.</summary>
internal static class DeviceArrays
{
    /// <summary>Overwrites <paramref name="gradient"/>, [n].</summary>
    public static ShardResult ComputeShard(this IRankDevice device, long step, int shard, Span<float> gradient, CancellationToken cancel)
    {
        using var computed = device.CreateGradient();
        var result = device.ComputeShard(step, shard, computed, cancel);
        Read(computed, gradient);
        return result;
    }

    /// <summary>Applies <paramref name="reduced"/>, [n].</summary>
    public static double ApplyStep(this IRankDevice device, long step, ReadOnlySpan<float> reduced, double sumOfSquares, long targets)
    {
        using var whole = device.CreateGradient();
        Write(reduced, whole);
        return device.ApplyStep(step, whole, sumOfSquares, targets);
    }

    /// <summary>Copies all elements out of <paramref name="gradient"/>.</summary>
    public static void Read(DeviceGradient gradient, Span<float> numbers)
    {
        gradient.AwaitDownload(gradient.Length);
        Floats(gradient).CopyTo(numbers);
    }

    /// <summary>Copies all elements into <paramref name="gradient"/>.</summary>
    public static void Write(ReadOnlySpan<float> numbers, DeviceGradient gradient)
    {
        numbers.CopyTo(Floats(gradient));
        gradient.BeginUpload(0, gradient.Length);
    }

    private static Span<float> Floats(DeviceGradient gradient) => gradient.HostFrom(0);
}
