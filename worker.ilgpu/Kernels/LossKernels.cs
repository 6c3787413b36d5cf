using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Softmax with cross-entropy, and sums of losses.</summary>
internal static class LossKernels
{
    /// <summary>
    /// One group a row: overwrites losses[row] with -log softmax(logits[row])[targets[row]] and the row of logits [rows, columns] with
    /// the gradient of it, softmax minus one-hot.
    /// </summary>
    public static void CrossEntropy(ArrayView<float> logits, ArrayView<int> targets, ArrayView<double> losses, int columns)
    {
        var lanes = SharedMemory.Allocate<float>(Lanes.Count);
        int row = Grid.IdxX, start = row * columns, target = targets[row];
        var targetLogit = logits[start + target];
        for (var lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            var largest = float.NegativeInfinity;
            for (var j = lane; j < columns; j += Lanes.Count)
            {
                if (logits[start + j] > largest) largest = logits[start + j];
            }

            lanes[lane] = largest;
        }

        var max = Lanes.Max(lanes);
        for (var lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            float total = 0;
            for (var j = lane; j < columns; j += Lanes.Count)
            {
                var e = DeviceMath.Exp(logits[start + j] - max);
                total += e;
                logits[start + j] = e;
            }

            lanes[lane] = total;
        }

        float sum = Lanes.Sum(lanes), inverse = 1f / sum;
        for (var j = Group.IdxX; j < columns; j += Group.DimX)
        {
            var probability = DeviceMath.Multiply(logits[start + j], inverse);
            logits[start + j] = j == target ? probability - 1f : probability;
        }

        if (Group.IdxX == 0) losses[row] = DeviceMath.Log(sum) + ((double)max - targetLogit);
    }

    /// <summary>
    /// One group: total[0] = (or, where <paramref name="accumulate"/> is not 0, +=) the sum of losses [count], by lanes and tree.
    /// </summary>
    public static void Sum(ArrayView<double> losses, ArrayView<double> total, int count, int accumulate)
    {
        var lanes = SharedMemory.Allocate<double>(Lanes.Count);
        for (var lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            double sum = 0;
            for (var i = lane; i < count; i += Lanes.Count) sum += losses[i];
            lanes[lane] = sum;
        }

        var all = Lanes.Sum(lanes);
        if (Group.IdxX == 0) total[0] = accumulate != 0 ? total[0] + all : all;
    }
}
