using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// Sums over a row by one group: element j belongs to lane j mod 128, a lane is summed in rising order, the lanes by a fixed tree.
/// The lanes are virtual: a thread serves as many as it must, so the size of the group changes no bit.
/// </summary>
internal static class Lanes
{
    public const int Count = 128;

    /// <summary>
    /// Sum of the lanes, for every thread of the group; overwrites them. Every thread must call it, after it has written its lanes.
    /// </summary>
    public static float Sum(ArrayView<float> lanes)
    {
        for (var half = Count / 2; half >= 1; half /= 2)
        {
            Group.Barrier();
            for (var lane = Group.IdxX; lane < half; lane += Group.DimX) lanes[lane] += lanes[lane + half];
        }

        Group.Barrier();
        var sum = lanes[0];
        Group.Barrier();
        return sum;
    }

    /// <summary>The same in float64.</summary>
    public static double Sum(ArrayView<double> lanes)
    {
        for (var half = Count / 2; half >= 1; half /= 2)
        {
            Group.Barrier();
            for (var lane = Group.IdxX; lane < half; lane += Group.DimX) lanes[lane] += lanes[lane + half];
        }

        Group.Barrier();
        var sum = lanes[0];
        Group.Barrier();
        return sum;
    }

    /// <summary>The largest lane, for every thread of the group; overwrites them.</summary>
    public static float Max(ArrayView<float> lanes)
    {
        for (var half = Count / 2; half >= 1; half /= 2)
        {
            Group.Barrier();
            for (var lane = Group.IdxX; lane < half; lane += Group.DimX)
            {
                if (lanes[lane + half] > lanes[lane]) lanes[lane] = lanes[lane + half];
            }
        }

        Group.Barrier();
        var max = lanes[0];
        Group.Barrier();
        return max;
    }
}
