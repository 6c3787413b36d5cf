using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

/// <summary>More numbers than one array holds, which lie in several; here arrays are small.</summary>
public sealed class HostFloatsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(0, 1, 40, 0)]
    [InlineData(40, 16, 40, 1)]
    [InlineData(41, 16, 40, 2)]
    [InlineData(100, 16, 40, 4)]
    [InlineData(96, 16, 40, 3)]
    public void A_walk_meets_every_number_once_and_no_block_lies_in_two_arrays(int length, int block, int most, int arrays)
    {
        var numbers = Counted(length, block, most);
        var met = new List<float>();
        var pieces = 0;
        numbers.Walk((at, piece) =>
        {
            Assert.Equal(met.Count, at);
            met.AddRange(piece.ToArray());
            pieces++;
        });
        Assert.Equal(Enumerable.Range(0, length).Select(i => (float)i), met);
        Assert.Equal(arrays, pieces);
        for (var start = 0; start < length; start += block)
        {
            var bytes = numbers.Bytes(start, Math.Min(block, length - start));
            Assert.Equal(start, BitConverter.ToSingle(bytes));
            Assert.Equal(Math.Min(block, length - start) * sizeof(float), bytes.Count);
        }
    }

    [Fact]
    public void What_lies_in_two_arrays_or_nowhere_has_no_view_that_is_one()
    {
        var numbers = Counted(100, 16, 40);

        Assert.Throws<ArgumentOutOfRangeException>(() => numbers.Bytes(31, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => numbers.Bytes(96, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => numbers.Bytes(-1, 1));
        Assert.Throws<InvalidOperationException>(() => numbers.Whole.Length);
        Assert.Equal(40, Counted(40, 16, 40).Whole.Length);
    }

    [Fact]
    public void The_first_difference_is_by_bits_and_found_in_any_array()
    {
        HostFloats one = Counted(100, 16, 40), other = Counted(100, 16, 40);
        Assert.Null(one.FirstDifference(other));
        other.From(70)[0] = 7;
        Assert.Equal(70, one.FirstDifference(other));
        other.From(0)[0] = -0f;
        Assert.Equal(0, one.FirstDifference(other));
        one.From(0)[0] = other.From(0)[0] = float.NaN;
        Assert.Equal(70, one.FirstDifference(other));
        Assert.Equal(50, Counted(100, 16, 40, changed: 50).FirstDifference(Counted(100, 10, 100)));
    }

    [Fact]
    public void A_model_and_a_part_of_a_checkpoint_are_the_same_files_from_one_array_and_from_several()
    {
        ModelTensor[] tensors =
        [
            new("odd", [7], 0) { Dtype = SafeTensorsDtype.BF16 }, new("wide", [3, 5], 4) { Dtype = SafeTensorsDtype.F64 },
            new("plain", [60], 34), new("none", [0], 94),
        ];
        HostFloats one = Counted(94, 1, 94), several = Counted(94, 16, 40);
        var spec = new JobSpec();
        var sha256 = ModelFile.Write(folder.File("one"), spec, tensors, one);
        Assert.Equal(sha256, ModelFile.Write(folder.File("several"), spec, tensors, several));
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(folder.File("several")))));

        var id = new CheckpointId(3, 0, 1);
        var part = new CheckpointFolder(folder.File("a")).WritePart(Sample.Job, id, 0, 1, 0, one, 90);
        Assert.Equal(part, new CheckpointFolder(folder.File("b")).WritePart(Sample.Job, id, 0, 1, 0, several, 90));
        Assert.Equal(90, part.Elements);
    }

    private static HostFloats Counted(int length, int block, int most, int changed = -1)
    {
        var numbers = new HostFloats(length, block, most);
        for (var i = 0; i < length; i++)
            numbers.From(i)[0] = i == changed ? -1 : i;
        return numbers;
    }
}
