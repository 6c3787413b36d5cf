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
        ArrayView<float> lanes = SharedMemory.Allocate<float>(Lanes.Count);
        int row = Grid.IdxX, start = row * columns, target = targets[row];
        float targetLogit = logits[start + target];
        for (int lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            float largest = float.NegativeInfinity;
            for (int j = lane; j < columns; j += Lanes.Count)
            {
                if (logits[start + j] > largest) largest = logits[start + j];
            }

            lanes[lane] = largest;
        }

        float max = Lanes.Max(lanes);
        for (int lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            float total = 0;
            for (int j = lane; j < columns; j += Lanes.Count)
            {
                float e = DeviceMath.Exp(logits[start + j] - max);
                total += e;
                logits[start + j] = e;
            }

            lanes[lane] = total;
        }

        float sum = Lanes.Sum(lanes), inverse = 1f / sum;
        for (int j = Group.IdxX; j < columns; j += Group.DimX)
        {
            float probability = DeviceMath.Multiply(logits[start + j], inverse);
            logits[start + j] = j == target ? probability - 1f : probability;
        }

        if (Group.IdxX == 0) losses[row] = DeviceMath.Log(sum) + ((double)max - targetLogit);
    }

    /// <summary>
    /// One group: total[0] = (or, where <paramref name="accumulate"/> is not 0, +=) the sum of losses [count], by lanes and tree.
    /// </summary>
    public static void Sum(ArrayView<double> losses, ArrayView<double> total, int count, int accumulate)
    {
        ArrayView<double> lanes = SharedMemory.Allocate<double>(Lanes.Count);
        for (int lane = Group.IdxX; lane < Lanes.Count; lane += Group.DimX)
        {
            double sum = 0;
            for (int i = lane; i < count; i += Lanes.Count) sum += losses[i];
            lanes[lane] = sum;
        }

        double all = Lanes.Sum(lanes);
        if (Group.IdxX == 0) total[0] = accumulate != 0 ? total[0] + all : all;
    }
}
