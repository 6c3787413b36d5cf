using System.Runtime.InteropServices;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// R: the reduced gradient, [n] in blocks, with every block's sum of squares and the step's loss and targets. It is written and served
/// in host memory; a finished block is the device's to take at once, so that its way there overlaps the arrival of others.
/// </summary>
public sealed class ReducedGradient(DeviceGradient gradient, int blockElements) : IDisposable
{
    private readonly long elements = gradient.Length;
    private readonly double[] sumsOfSquares = new double[(gradient.Length + blockElements - 1) / blockElements];

    /// <summary>Number of blocks.</summary>
    public int Blocks => sumsOfSquares.Length;

    /// <summary>Sum of the step's losses; came with block 0.</summary>
    public double Loss => gradient.Loss;

    /// <summary>Targets of the step; came with block 0.</summary>
    public long Targets => gradient.Targets;

    /// <summary>All n elements, for the device.</summary>
    public DeviceGradient Whole => gradient;

    /// <summary>Elements of a block; the last may be short.</summary>
    public int LengthOf(int block) => (int)Math.Min(blockElements, elements - StartOf(block));

    /// <summary>Bytes of a block.</summary>
    public ArraySegment<byte> Segment(int block) => gradient.Host(StartOf(block), LengthOf(block));

    /// <summary>Sum of squares of a block.</summary>
    public double SumOfSquaresOf(int block) => sumsOfSquares[block];

    /// <summary>A block to write to, and to finish afterwards.</summary>
    public Span<float> Block(int block) => MemoryMarshal.Cast<byte, float>(Segment(block).AsSpan());

    /// <summary>A block was reduced here.</summary>
    public void Finish(int block, double loss, long targets) => Finish(block, BlockMath.SumOfSquares(Block(block)), loss, targets);

    /// <summary>A block was written, with what its owner computed.</summary>
    public void Finish(int block, double sumOfSquares, double loss, long targets)
    {
        sumsOfSquares[block] = sumOfSquares;
        if (block == 0)
            (gradient.Loss, gradient.Targets) = (loss, targets);
        gradient.BeginUpload(StartOf(block), LengthOf(block));
    }

    /// <summary>
    /// Sum of squares of the whole: pairwise over the block numbers, level by level, an odd last one carried up as it is.
    /// The order depends on the number of blocks alone.
    /// </summary>
    public double TotalSumOfSquares()
    {
        var level = sumsOfSquares.ToArray();
        for (var count = level.Length; count > 1; count = (count + 1) / 2)
        {
            for (var i = 0; i < count / 2; i++)
                level[i] = level[2 * i] + level[(2 * i) + 1];
            if (count % 2 == 1)
                level[count / 2] = level[count - 1];
        }

        return level[0];
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => gradient.Dispose();

    private long StartOf(int block) => (long)block * blockElements;
}
