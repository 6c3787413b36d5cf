using System.Buffers.Binary;
using System.Text;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Tests.Checkpoints;

public sealed class SafeTensorsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_was_written_is_read_back()
    {
        var path = folder.File("model.safetensors");
        using (var writer = SafeTensorsWriter.Create(
            path,
            [new("w", SafeTensorsDtype.F32, [2, 3]), new("step", SafeTensorsDtype.I64, []), new("none", SafeTensorsDtype.F32, [0, 5])],
            new Dictionary<string, string> { ["über"] = "\"quoted\"\n" }))
        {
            writer.AppendBytes("step", [7, 0, 0, 0, 0, 0, 0, 0]);
            writer.Append("w", [1, 2, 3, 4]);
            writer.Append("w", [5, float.NaN]);
            writer.Commit();
        }

        using var file = SafeTensorsFile.Open(path);
        var w = new float[6];
        file.Read("w", w);
        var middle = new float[2];
        file.Read("w", middle, first: 3);
        var step = new byte[8];
        file.ReadBytes("step", step);

        Assert.Equal([1, 2, 3, 4, 5, float.NaN], w);
        Assert.Equal([4, 5], middle);
        Assert.Equal(7, BinaryPrimitives.ReadInt64LittleEndian(step));
        Assert.Equal(["step", "none", "w"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(new Dictionary<string, string> { ["format"] = "pt", ["über"] = "\"quoted\"\n" }, file.Metadata);
        Assert.True(file.TryFind("none", out var none) && none.Bytes == 0);
        Assert.False(file.TryFind("other", out _));
    }

    [Fact]
    public void Asking_for_what_a_file_does_not_have_is_a_mistake_of_the_caller()
    {
        using var file = SafeTensorsFile.Open(Write("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4));
        Assert.Throws<ArgumentException>(() => file.ReadBytes("b", new byte[1]));
        Assert.Throws<ArgumentException>(() => file.Read("a", new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadBytes("a", new byte[2], offset: 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadBytes("a", new byte[2], offset: -1));
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var path = folder.File("nothing");
        AssertRefused(SafeTensorsProblem.Missing, "no such file", path);
    }

    [Fact]
    public void A_file_without_room_for_its_headers_length_is_truncated() =>
        AssertRefused(SafeTensorsProblem.Truncated, "7 bytes are too few for the header's length", folder.Write("x", new byte[7]));

    [Fact]
    public void A_header_above_the_limit_is_refused_before_it_is_read() =>
        AssertRefused(
            SafeTensorsProblem.HeaderTooLarge,
            "no safetensors file: its first 8 bytes are no length of a header (at most 100000000); name a model file that 'coordinator "
                + "train' left",
            folder.Write("x", [.. Length(100_000_001), (byte)'{']));

    [Fact]
    public void A_header_length_of_64_bits_is_refused() =>
        AssertRefused(
            SafeTensorsProblem.HeaderTooLarge,
            "no safetensors file: its first 8 bytes are no length of a header (at most 100000000); name a model file that 'coordinator "
                + "train' left",
            folder.Write("x", Length(ulong.MaxValue)));

    [Theory]
    [InlineData("once upon a time", "text")]
    [InlineData("%PDF-1.7 and more", "a PDF document")]
    [InlineData("PK\u0003\u0004 and more", "a zip archive (as .docx, .npz and PyTorch's files are)")]
    public void Another_file_is_named_as_what_it_is(string content, string what) => AssertRefused(
        SafeTensorsProblem.BadHeader, $"{what}, and no safetensors file; name a model file that 'coordinator train' left",
            folder.Write("x", content));

    [Fact]
    public void Floats_of_other_widths_are_read_as_float32()
    {
        var json =
            """{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]},"c":{"dtype":"F16","shape":[2],"data_offsets":[20,24]},"d":{"dtype":"I16","shape":[2],"data_offsets":[24,28]}}""";
        byte[] data = [.. BitConverter.GetBytes(0.1), .. BitConverter.GetBytes(-3.0), 0x80, 0x3F, 0x00, 0xC0,
            .. BitConverter.GetBytes((Half)1.5), .. BitConverter.GetBytes((Half)(-0.25)), 1, 0, 2, 0];
        using var file = SafeTensorsFile.Open(folder.Write("x", [.. Length((ulong)json.Length), .. Encoding.UTF8.GetBytes(json), .. data]));
        foreach (var (name, expected) in new[] { ("a", new[] { 0.1f, -3f }), ("b", [1f, -2f]), ("c", [1.5f, -0.25f]) })
        {
            var read = new float[2];
            file.ReadFloats(name, read);
            Assert.Equal(expected, read);
        }

        Assert.Throws<ArgumentException>(() => file.ReadFloats("d", new float[2]));
    }

    [Fact]
    public void A_header_longer_than_the_file_is_truncated() =>
        AssertRefused(
            SafeTensorsProblem.Truncated,
            "11 bytes are too few for a header of 100",
            folder.Write("x", [.. Length(100), .. "{}"u8, (byte)' ']));

    [Theory]
    [InlineData("", "the header does not begin with '{'")]
    [InlineData(" {}", "the header does not begin with '{'")]
    [InlineData("[]", "the header does not begin with '{'")]
    [InlineData("""{"a":1}""", "the header has tensor 'a' that is Number, not an object")]
    [InlineData("""{"a":{}}""", "the header has tensor 'a' without 'dtype'")]
    [InlineData("""{"a":{"dtype":"U8"}}""", "the header has tensor 'a' without 'shape'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[]}}""", "the header has tensor 'a' without 'data_offsets'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"extra":1}}""", "the header has tensor 'a' with unknown key 'extra'")]
    [InlineData(
        """{"a":{"dtype":5,"shape":[],"data_offsets":[0,1]}}""", "the header has 'dtype' of tensor 'a' that is Number, not a string")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}""", "the header has 'shape' of tensor 'a' that is Number, not an array")]
    [InlineData("""{"__metadata__":{"a":1}}""", "the header has '__metadata__.a' that is Number, not a string")]
    [InlineData("""{"__metadata__":"a"}""", "the header has '__metadata__' that is String, not an object")]
    public void A_header_of_another_form_is_refused(string json, string message) =>
        AssertRefused(SafeTensorsProblem.BadHeader, message, Write(json, 1));

    [Theory]
    [InlineData("{")]
    [InlineData("{} x")]
    [InlineData("{}{}")]
    [InlineData("""{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[""")]
    public void A_header_that_is_no_json_is_refused(string json)
    {
        var error = Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(Write(json, 1)));
        Assert.Equal(SafeTensorsProblem.BadHeader, error.Problem);
    }

    [Fact]
    public void Text_that_is_no_utf8_is_refused()
    {
        byte[] json = [(byte)'{', (byte)'"', 0xFF, (byte)'"', .. ":{}}   "u8];
        var path = folder.Write("x", [.. Length((ulong)json.Length), .. json]);
        Assert.Equal(SafeTensorsProblem.BadHeader, Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(path)).Problem);
    }

    [Theory]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}""",
        "tensor 'a' stands twice in the header")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}""",
        "tensor 'a' stands twice in the header")]
    [InlineData(
        """{"a":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}}""", "'dtype' of tensor 'a' stands twice in the header")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", "'__metadata__.a' stands twice in the header")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "'__metadata__' stands twice in the header")]
    public void A_repeated_key_is_refused(string json, string message) =>
        AssertRefused(SafeTensorsProblem.Duplicate, message, Write(json, 1));

    [Theory]
    [InlineData("F128")]
    [InlineData("f32")]
    [InlineData("0")]
    [InlineData("F8E4M3")]
    public void An_unknown_dtype_is_named(string dtype) =>
        AssertRefused(
            SafeTensorsProblem.UnknownDtype,
            $"tensor 'a' has unknown dtype '{dtype}'",
            Write($$$"""{"a":{"dtype":"{{{dtype}}}","shape":[],"data_offsets":[0,1]}}""", 1));

    [Theory]
    [InlineData("[-1]", "tensor 'a' has shape [-1], which is negative or too large")]
    [InlineData("[0,-1]", "tensor 'a' has shape [0,-1], which is negative or too large")]
    [InlineData("[4294967296,4294967296]", "tensor 'a' has shape [4294967296,4294967296], which is negative or too large")]
    [InlineData("[9223372036854775807,2]", "tensor 'a' has shape [9223372036854775807,2], which is negative or too large")]
    [InlineData("[1.5]", "'shape' of tensor 'a' holds something else than whole numbers of 63 bits")]
    [InlineData("[9223372036854775808]", "'shape' of tensor 'a' holds something else than whole numbers of 63 bits")]
    [InlineData("[\"1\"]", "'shape' of tensor 'a' holds something else than whole numbers of 63 bits")]
    [InlineData("[[1]]", "'shape' of tensor 'a' holds something else than whole numbers of 63 bits")]
    public void A_shape_without_a_size_is_refused(string shape, string message) =>
        AssertRefused(
            SafeTensorsProblem.BadShape, message, Write($$$"""{"a":{"dtype":"U8","shape":{{{shape}}},"data_offsets":[0,1]}}""", 1));

    [Theory]
    [InlineData("[]")]
    [InlineData("[0]")]
    [InlineData("[0,1,2]")]
    [InlineData("[-1,0]")]
    [InlineData("[1,0]")]
    public void Offsets_that_are_no_range_are_refused(string offsets) =>
        AssertRefused(
            SafeTensorsProblem.BadOffsets,
            $"tensor 'a' has data_offsets {offsets}, which are no range",
            Write($$$"""{"a":{"dtype":"U8","shape":[],"data_offsets":{{{offsets}}}}}""", 1));

    [Fact]
    public void A_range_of_another_size_than_the_shape_is_refused() =>
        AssertRefused(
            SafeTensorsProblem.SizeMismatch,
            "tensor 'a' has 9 bytes where shape [2] of F32 needs 8",
            Write("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}""", 9));

    [Fact]
    public void Overlapping_tensors_are_refused() =>
        AssertRefused(
            SafeTensorsProblem.Overlap,
            "tensor 'b' begins at byte 3, inside the one that ends at 4",
            Write("""{"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 7));

    [Fact]
    public void A_gap_between_tensors_is_refused() =>
        AssertRefused(
            SafeTensorsProblem.Gap,
            "bytes 4 to 5, before tensor 'b', belong to no tensor",
            Write("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}""", 9));

    [Fact]
    public void Bytes_behind_the_last_tensor_are_refused() =>
        AssertRefused(
            SafeTensorsProblem.Gap,
            "the last 2 bytes belong to no tensor",
            Write("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 6));

    [Fact]
    public void A_file_that_ends_inside_a_tensor_is_truncated() =>
        AssertRefused(
            SafeTensorsProblem.Truncated,
            "tensor 'a' ends at byte 4 of the data, which has 3",
            Write("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 3));

    private static byte[] Length(ulong length)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        return bytes;
    }

    private static void AssertRefused(SafeTensorsProblem problem, string message, string path)
    {
        var error = Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(path));
        Assert.Equal((problem, $"{path}: {message}"), (error.Problem, error.Message));
    }

    private string Write(string json, int dataBytes)
    {
        var header = Encoding.UTF8.GetBytes(json);
        return folder.Write("x.safetensors", [.. Length((ulong)header.Length), .. header, .. new byte[dataBytes]]);
    }
}
