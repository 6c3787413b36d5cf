using System.Runtime.InteropServices;
using Coordinator.Machines;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

public sealed class TreeSumTests
{
    private const int Elements = 37;

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(64)]
    public void Any_cover_of_the_tree_adds_up_to_the_bits_of_the_serial_tree(int shards)
    {
        var gradients = Enumerable.Range(0, shards).Select(shard => Values(shard)).ToArray();
        var expected = Serial(gradients, 0, shards);
        var losses = Enumerable.Range(0, shards).Select(shard => 1.0 / (shard + 3)).ToArray();
        var expectedLoss = SerialLoss(losses, 0, shards);
        var sum = new TreeSum(Elements);
        var seed = (uint)shards;
        for (var trial = 0; trial < 200; trial++)
        {
            // A random cover: every node of the tree is either a part or is split.
            var cover = new List<Subtree>();
            Split(new Subtree(0, shards), cover, ref seed);
            var parts = cover.Select(subtree => new TreePart(
                subtree, Bytes(Serial(gradients, subtree.Start, subtree.Size)), SerialLoss(
                    losses, subtree.Start, subtree.Size), subtree.Size)).ToArray();
            var before = parts.Select(part => part.Bytes.ToArray()).ToArray();
            var result = new float[Elements];

            var (loss, targets) = sum.Sum(shards, parts, result);

            Assert.Equal(Bytes(expected).ToArray(), Bytes(result).ToArray());
            Assert.Equal(BitConverter.DoubleToInt64Bits(expectedLoss), BitConverter.DoubleToInt64Bits(loss));
            Assert.Equal(shards, targets);
            for (var i = 0; i < parts.Length; i++)
                Assert.Equal(before[i], parts[i].Bytes.ToArray());
        }
    }

    [Fact]
    public void Parts_that_leave_a_hole_are_refused()
    {
        var part = Bytes(new float[Elements]);
        var sum = new TreeSum(Elements);
        Assert.Throws<InvalidOperationException>(() =>
            sum.Sum(4, [new TreePart(new Subtree(0, 2), part, 0, 0), new TreePart(new Subtree(3, 1), part, 0, 0)], new float[Elements]));
        Assert.Throws<InvalidOperationException>(() => sum.Sum(4, [new TreePart(new Subtree(0, 2), part, 0, 0)], new float[Elements]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void The_norm_is_a_tree_over_block_numbers_with_an_odd_one_carried(int blocks)
    {
        var reduced = new ReducedGradient(new HostGradient((blocks * 16) - 3), 16);
        var values = Enumerable.Range(0, blocks).Select(i => 1.0 / (i + 1) / 3).ToArray();
        for (var i = 0; i < blocks; i++)
            reduced.Finish(i, values[i], 0, 0);
        double Expected(double[] level) =>
            level.Length == 1 ? level[0] : Expected([.. level.Chunk(2).Select(pair => pair.Length == 2 ? pair[0] + pair[1] : pair[0])]);
        Assert.Equal(BitConverter.DoubleToInt64Bits(Expected(values)), BitConverter.DoubleToInt64Bits(reduced.TotalSumOfSquares()));
    }

    internal static float[] Values(int shard) =>
        [.. Enumerable.Range(0, Elements).Select(i => (float)Math.Sqrt((shard * 977) + i + 1) * ((i + shard) % 3 == 0 ? -1 : 1e-3f))];

    private static void Split(Subtree node, List<Subtree> cover, ref uint seed)
    {
        seed = (seed * 1664525) + 1013904223;
        if (node.Size == 1 || seed >> 30 == 0)
        {
            cover.Add(node);
            return;
        }

        Split(new Subtree(node.Start, node.Size / 2), cover, ref seed);
        Split(new Subtree(node.Start + (node.Size / 2), node.Size / 2), cover, ref seed);
    }

    private static float[] Serial(float[][] gradients, int start, int size)
    {
        if (size == 1)
            return gradients[start];
        var left = Serial(gradients, start, size / 2);
        var right = Serial(gradients, start + (size / 2), size / 2);
        return [.. left.Zip(right, (a, b) => a + b)];
    }

    private static double SerialLoss(double[] losses, int start, int size) =>
        size == 1 ? losses[start] : SerialLoss(losses, start, size / 2) + SerialLoss(losses, start + (size / 2), size / 2);

    private static ArraySegment<byte> Bytes(float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
