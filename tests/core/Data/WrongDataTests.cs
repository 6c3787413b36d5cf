using System.IO.Compression;
using System.Text;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;

namespace Coordinator.Tests.Data;

/// <summary>Data that are something else than text or tokens of 16 bits: nobody trains on them without having said so.</summary>
public sealed class WrongDataTests : IDisposable
{
    private static readonly ModelSpec Wide = new() { Block = 4, Vocab = 65536 };

    private readonly TemporaryFolder folder = new();
    private readonly DataFreezer freezer;

    public WrongDataTests() => freezer = new DataFreezer(folder.File("store"));

    public void Dispose() => folder.Dispose();

    public static TheoryData<string, byte[], string> Files => new()
    {
        { "a.bin", LlmC(20240801, 7), "a shard of 32-bit tokens of llm.c (magic 20240801, version 7)" },
        { "a.txt", LlmC(20240801, 7), "a shard of 32-bit tokens of llm.c (magic 20240801, version 7)" },
        { "a.bin", LlmC(20240326, 3), "a model of llm.c (magic 20240326, version 3)" },
        { "a.bin", LlmC(20240328, 2), "a tokenizer of llm.c (magic 20240328, version 2)" },
        { "a.bin", LlmC(20240522, 1), "an evaluation set of llm.c (magic 20240522, version 1)" },
        { "a.npy", [0x93, .. "NUMPY\u0001\0v\0{'descr': '<u2'}"u8], "a NumPy array" },
        { "a.bin", [0x93, .. "NUMPY\u0001\0v\0{'descr': '<u2'}"u8], "a NumPy array" },
        { "a.txt", Gzip("hello world"), "a gzip archive" },
        { "a.bin", [.. "PK\u0003\u0004"u8, 0, 0, 0, 0], "a zip archive (as .docx, .npz and PyTorch's files are)" },
        { "a.txt", [0x89, .. "PNG\r\n\u001a\n"u8, 0, 0], "a PNG image" },
        { "a.txt", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16], "a JPEG image" },
        { "a.txt", "%PDF-1.7\n%some text"u8.ToArray(), "a PDF document" },
        { "a.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("hello world")], "text in UTF-16" },
        { "a.txt", [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes("hello world")], "text in UTF-16" },
        { "a.txt", [.. Encoding.UTF32.Preamble, .. Encoding.UTF32.GetBytes("hello world")], "text in UTF-32" },
        { "a.txt", [0, 0, 0xFE, 0xFF, 0, 0, 0, 65], "text in UTF-32" },
        { "a.txt", Encoding.Unicode.GetBytes("hello world without a mark"), "text in UTF-16 without a mark" },
        { "a.bin", Encoding.BigEndianUnicode.GetBytes("hello world without a mark"), "text in UTF-16 without a mark" },
        { "a.txt", "SQLite format 3\0 and more"u8.ToArray(), "an SQLite database" },
        { "a.txt", [.. "PAR1"u8, 1, 2, 3], "a Parquet table" },
        { "a.bin", [.. "GGUF"u8, 3, 0, 0, 0], "a GGUF model" },
        { "a.bin", [.. "lmgg"u8, 1, 0, 0, 0], "a GGML model" },
        { "a.txt", [.. "Obj"u8, 1, 2, 3], "an Avro table" },
        { "a.txt.Z", [0x1F, 0x9D, 0x90, 1, 2, 3], "a file packed by compress" },
        { "a.bin", [16, 0, 0, 0, 0, 0, 0, 0, .. "{\"a\":1}         "u8], "a safetensors file" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_that_is_something_else_is_refused_by_what_it_is(string name, byte[] content, string what)
    {
        var path = folder.Write(name, content);
        var refused = Assert.Throws<DataException>(() => freezer.Freeze(path, Wide));
        Assert.Equal(DataProblem.WrongFormat, refused.Problem);
        Assert.StartsWith($"{path} is {what}, and neither text nor a shard of 16-bit tokens: ", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.File("store")));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Whoever_says_binary_gets_the_bytes_of_anything(string name, byte[] content, string what)
    {
        Assert.NotEmpty(what);
        var spec = freezer.Freeze(folder.Write(name, content), Wide, isBinary: true);
        Assert.Equal("bytes", spec.Encoding);
        Assert.Equal(content, File.ReadAllBytes(DataStore.PathOf(folder.File("store"), spec.Sha256)));
    }

    [Fact]
    public void A_zero_byte_anywhere_makes_a_file_no_text()
    {
        var path = folder.Write("a.txt", [.. Enumerable.Repeat((byte)'a', 400_000), 0]);
        var refused = Assert.Throws<DataException>(() => freezer.Freeze(path, Wide));
        Assert.Equal(
            $"{path} is no text: its byte 400000 is zero; leave it out with a glob in --data, take its bytes as they are with --binary, or "
                + "give tokens of 16 bits the ending .bin", refused.Message);
    }

    [Fact]
    public void Text_and_tokens_of_32_bits_under_the_name_of_tokens_are_refused()
    {
        var text = folder.Write("text.bin", string.Concat(Enumerable.Repeat("once upon a time ", 20)));
        Assert.Equal(
            $"{text} is text, and files that end in .bin are read as tokens: give it another ending, or take its bytes as they are with "
                + "--binary", Refused(text).Message);
        var wide = folder.Write("wide.bin", Enumerable.Range(1, 300).SelectMany(BitConverter.GetBytes).ToArray());
        Assert.Equal(
            $"{wide} holds tokens of 32 bits or more, and only those of 16 bits can be read: write them as uint16, or take its bytes as "
                + "they are with --binary", Refused(wide).Message);

        // Zeros are a token like others, and a short file says nothing.
        freezer.Freeze(folder.Write("zeros.bin", new byte[4000]), Wide);
        freezer.Freeze(folder.Write("short.bin", "fourteen bytes"), Wide);
    }

    [Theory]
    [InlineData("fineweb_train_000001.bin", "fineweb_val_000000.bin", "*train*.bin")]
    [InlineData("train.bin", "val.bin", "*train*.bin")]
    [InlineData("train.txt", "test.txt", "*train*.txt")]
    [InlineData("a/train/1.txt", "a/validation/7.txt", "a/train/**")]
    [InlineData("wiki.training.1.txt", "wiki.valid.2.txt", "*training*.txt")]
    public void A_folder_with_a_held_out_set_beside_its_training_set_is_not_trained_on_whole(string train, string heldOut, string glob)
    {
        var content = train.EndsWith(".bin", StringComparison.Ordinal) ? Shards.NanoGpt(1, 2, 3, 4, 5, 6) : "hello world\n"u8.ToArray();
        folder.Write($"data/{train}", content);
        folder.Write($"data/{heldOut}", content);
        var data = folder.File("data");
        var refused = Refused(data);
        Assert.Equal(
            (DataProblem.MixedSets,
                $"{data} holds a training set ({train}) and one that is held out ({heldOut}), and would be trained on whole: choose with a "
                    + $"glob in --data, such as '{data}/{glob}'; one that matches both takes both"),
            (refused.Problem, refused.Message));

        // The remedy works, and so does saying that both are wanted.
        Assert.Equal(content.Length, freezer.Freeze($"{data}/{glob}", Wide).Bytes);
        Assert.Equal(2, DataSource.Find($"{data}/**", folder.Path).Files.Count);
    }

    [Fact]
    public void A_training_set_whose_parts_are_numbered_is_one_set()
    {
        folder.Write("data/part_train_1.txt", "hello world\n");
        folder.Write("data/part_train_2.txt", "hello world\n");
        folder.Write("data/test-drive.txt", "hello world\n");
        Assert.Equal(36, freezer.Freeze(folder.File("data"), Wide).Bytes);
    }

    [Fact]
    public void Text_in_another_encoding_in_a_folder_is_refused_and_not_left_out()
    {
        folder.Write("data/a.txt", "hello world");
        var utf16 = folder.Write("data/b.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("hello world")]);
        Assert.Equal(
            $"{utf16} is text in UTF-16, and neither text nor a shard of 16-bit tokens: convert it to UTF-8 (iconv -t UTF-8), or take its "
                + "bytes as they are with --binary",
            Refused(folder.File("data")).Message);
    }

    [Fact]
    public void What_a_folder_gives_and_what_it_does_not_is_said()
    {
        folder.Write("data/a.md", "hello world");
        folder.Write("data/photo.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]);
        folder.Write("data/empty.txt", "");
        folder.Write("data/unknown", [1, 0, 2]);
        folder.Write("data/.hidden", "hidden");
        folder.Write("data/bin/x.txt", "output");
        folder.Write("elsewhere.txt", "from elsewhere");
        File.CreateSymbolicLink(folder.File("data/link.txt"), folder.File("elsewhere.txt"));
        File.CreateSymbolicLink(folder.File("data/near.txt"), "a.md");
        File.CreateSymbolicLink(folder.File("data/nowhere.txt"), folder.File("nothing"));
        Directory.CreateSymbolicLink(folder.File("data/up"), folder.File("data"));

        Assert.Equal(
            [
                $"data: 3 files of {folder.File("data")}",
                $"one of them is a link out of the folder, and followed: link.txt to {folder.File("elsewhere.txt")}",
                $"one of them is a link: near.txt to {folder.File("data/a.md")}",
                "left out: bin (a folder of build outputs); empty.txt (empty); nowhere.txt (a link that leads nowhere); photo.jpg (a JPEG "
                    + "image); unknown (no text (it has zero bytes)); up (a link to a folder); .hidden (hidden)",
            ],
            DataReport.Of(DataSource.Find(folder.File("data"), folder.Path)));
        Assert.Equal(
            [
                $"data: {folder.File("data/link.txt")}",
                $"it is a link out of the folder, and followed: link.txt to {folder.File("elsewhere.txt")}",
            ],
            DataReport.Of(DataSource.Find(folder.File("data/li*.txt"), folder.Path)));
        Assert.Equal(
            [
                $"data: {folder.File("data/near.txt")}",
                $"it is a link: near.txt to {folder.File("data/a.md")}",
                "left out: nowhere.txt (a link that leads nowhere)",
            ],
            DataReport.Of(DataSource.Find(folder.File("data/n*.txt"), folder.Path)));
    }

    [Fact]
    public void Loops_of_links_in_a_folder_are_passed_over()
    {
        folder.Write("data/a.txt", "hello world");
        Directory.CreateDirectory(folder.File("data/l"));
        File.CreateSymbolicLink(folder.File("data/l/c1"), "c1");
        File.CreateSymbolicLink(folder.File("data/l/c2"), "c3");
        File.CreateSymbolicLink(folder.File("data/l/c3"), "c2");
        Assert.Equal(11, freezer.Freeze(folder.File("data"), Wide).Bytes);
    }

    private DataException Refused(string path) => Assert.Throws<DataException>(() => freezer.Freeze(path, Wide));

    private static byte[] LlmC(int magic, int version) =>
        [.. BitConverter.GetBytes(magic), .. BitConverter.GetBytes(version), .. new byte[1016], 1, 0, 0, 0, 2, 0, 0, 0];

    private static byte[] Gzip(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }
}
