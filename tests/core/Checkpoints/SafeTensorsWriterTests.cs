using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Tests.Checkpoints;

public sealed class SafeTensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_small_file_has_exactly_these_bytes()
    {
        var path = folder.File("small.safetensors");
        using var writer = SafeTensorsWriter.Create(
            path,
            [new("b", SafeTensorsDtype.U8, [3]), new("a", SafeTensorsDtype.F32, [2, 1])],
            new Dictionary<string, string> { ["job"] = "demo" });
        writer.Append("a", [1f, -2f]);
        writer.AppendBytes("b", "xyz"u8);
        writer.Commit();

        const string Json =
            """{"__metadata__":{"format":"pt","job":"demo"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}""";
        byte[] expected = [.. Length(160), .. Encoding.UTF8.GetBytes(Json.PadRight(160)), 0, 0, 128, 63, 0, 0, 0, 192, .. "xyz"u8];
        Assert.Equal(expected, File.ReadAllBytes(path));
    }

    [Fact]
    public void The_returned_hash_is_that_of_the_file()
    {
        var path = folder.File("model.safetensors");
        using var writer = SafeTensorsWriter.Create(path, [new("a", SafeTensorsDtype.F32, [100_000])]);
        for (var i = 0; i < 100; i++)
            writer.Append("a", Enumerable.Repeat((float)i, 1000).ToArray());

        var hash = writer.Commit();

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))), hash);
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void The_order_in_which_tensors_and_metadata_are_given_does_not_matter()
    {
        SafeTensor[] tensors =
        [
            new("x", SafeTensorsDtype.F32, []), new("é", SafeTensorsDtype.I64, [1]), new("Z", SafeTensorsDtype.F32, [0]),
            new("y", SafeTensorsDtype.F16, [2]),
        ];
        KeyValuePair<string, string>[] metadata = [new("b", "1"), new("a", "2")];

        var one = Write("one", tensors, metadata);
        var two = Write("two", tensors.Reverse(), metadata.Reverse());

        Assert.Equal(one.Hash, two.Hash);
        Assert.Equal(["é", "Z", "x", "y"], one.Order);
    }

    [Fact]
    public void Names_outside_the_basic_plane_sort_by_their_utf8_bytes()
    {
        // U+FF5E is EF BD 9E in UTF-8 and so before U+1F600 (F0 ..), but behind it (D83D) in UTF-16.
        var (_, order) = Write("names", [new("\U0001F600", SafeTensorsDtype.U8, [1]), new("\uFF5E", SafeTensorsDtype.U8, [1])], []);
        Assert.Equal(["\uFF5E", "\U0001F600"], order);
    }

    [Fact]
    public void Without_a_commit_nothing_appears()
    {
        using (var writer = SafeTensorsWriter.Create(folder.File("model"), [new("a", SafeTensorsDtype.F32, [1])]))
        {
            writer.Append("a", [1f]);
        }

        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_commit_replaces_what_was_there()
    {
        var path = folder.Write("model", "old");
        using var writer = SafeTensorsWriter.Create(path, []);
        Assert.Equal("old", File.ReadAllText(path));
        writer.Commit();
        using var file = SafeTensorsFile.Open(path);
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public void An_incomplete_tensor_is_not_committed()
    {
        using var writer = SafeTensorsWriter.Create(folder.File("model"), [new("a", SafeTensorsDtype.F32, [2])]);
        writer.Append("a", [1f]);
        var error = Assert.Throws<InvalidOperationException>(() => writer.Commit());
        Assert.Equal("tensor 'a' has 4 of its 8 bytes", error.Message);
    }

    [Fact]
    public void Elements_out_of_turn_or_beyond_the_shape_are_refused()
    {
        using var writer = SafeTensorsWriter.Create(
            folder.File("model"),
            [new("a", SafeTensorsDtype.F32, [2]), new("b", SafeTensorsDtype.F32, [1]), new("c", SafeTensorsDtype.U8, [1])]);

        Assert.Equal(
            "tensor 'b' came where the file's order has 'a'",
            Assert.Throws<InvalidOperationException>(() => writer.Append("b", [1f])).Message);
        Assert.Equal(
            "tensor 'a' was given 12 bytes where 8 are missing",
            Assert.Throws<InvalidOperationException>(() => writer.Append("a", [1f, 2f, 3f])).Message);
        Assert.Equal("tensor 'c' holds U8, not F32", Assert.Throws<InvalidOperationException>(() => writer.Append("c", [1f])).Message);
        writer.Append("a", [1f, 2f]);
        writer.Append("b", [3f]);
        writer.AppendBytes("c", [4]);
        Assert.Equal(
            "tensor 'a' came where the file's order has none, all are complete",
            Assert.Throws<InvalidOperationException>(() => writer.Append("a", [1f])).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("__metadata__")]
    public void A_name_that_cannot_stand_in_a_file_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => SafeTensorsWriter.Create(folder.File("model"), [new(name, SafeTensorsDtype.F32, [1])]));

    // Not a theory's data: on their way to a theory, half characters turn into whole ones.
    [Fact]
    public void A_name_with_half_a_character_is_refused() =>
        Assert.Throws<ArgumentException>(() => SafeTensorsWriter.Create(folder.File("model"), [new("\uD83D", SafeTensorsDtype.F32, [1])]));

    [Fact]
    public void Tensors_that_cannot_be_laid_out_are_refused()
    {
        SafeTensor a = new("a", SafeTensorsDtype.F64, [1L << 59]);
        Assert.Throws<ArgumentException>(() => SafeTensorsWriter.Create(folder.File("model"), [a, a]));
        Assert.Throws<ArgumentException>(() => SafeTensorsWriter.Create(folder.File("model"), [a, a with { Name = "b" }]));
        Assert.Throws<ArgumentException>(() => SafeTensorsWriter.Create(folder.File("model"), [a with { Shape = [-1] }]));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    private static byte[] Length(ulong length)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        return bytes;
    }

    private (string Hash, string[] Order) Write(
        string name, IEnumerable<SafeTensor> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        using var writer = SafeTensorsWriter.Create(folder.File(name), tensors, new Dictionary<string, string>(metadata));
        foreach (var tensor in writer.Tensors)
            writer.AppendBytes(tensor.Name, new byte[tensor.Bytes]);

        return (writer.Commit(), [.. writer.Tensors.Select(tensor => tensor.Name)]);
    }
}
