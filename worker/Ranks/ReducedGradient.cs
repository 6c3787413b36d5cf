using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Ranks;

/// <summary>R: the reduced gradient, [n] in blocks, with every block's sum of squares and the step's loss and targets.</summary>
public sealed class ReducedGradient(int elements, int blockElements)
{
    private readonly Gradient gradient = new(elements);
    private readonly double[] sumsOfSquares = new double[(elements + blockElements - 1) / blockElements];

    /// <summary>Number of blocks.</summary>
    public int Blocks => sumsOfSquares.Length;

    /// <summary>Sum of the step's losses; came with block 0.</summary>
    public double Loss => gradient.Loss;

    /// <summary>Targets of the step; came with block 0.</summary>
    public long Targets => gradient.Targets;

    /// <summary>All n elements.</summary>
    public Span<float> Floats => gradient.Floats;

    /// <summary>Elements of a block; the last may be short.</summary>
    public int LengthOf(int block) => Math.Min(blockElements, elements - (block * blockElements));

    /// <summary>Bytes of a block.</summary>
    public ArraySegment<byte> Segment(int block) => gradient.Segment(block * blockElements, LengthOf(block));

    /// <summary>Sum of squares of a block.</summary>
    public double SumOfSquaresOf(int block) => sumsOfSquares[block];

    /// <summary>A block to write to, and to finish afterwards.</summary>
    public Span<float> Block(int block) => gradient.Floats.Slice(block * blockElements, LengthOf(block));

    /// <summary>A block was reduced here.</summary>
    public void Finish(int block, double loss, long targets) => Finish(block, BlockMath.SumOfSquares(Block(block)), loss, targets);

    /// <summary>A block was written, with what its owner computed.</summary>
    public void Finish(int block, double sumOfSquares, double loss, long targets)
    {
        sumsOfSquares[block] = sumOfSquares;
        if (block == 0)
            (gradient.Loss, gradient.Targets) = (loss, targets);
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
}
