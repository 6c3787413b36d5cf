using System.Buffers.Binary;
using System.Text;

namespace Coordinator.Disk;

/// <summary>
/// The one place that tells files apart by their first bytes. Everything here is a format that no reader of this project can make sense
/// of: whoever
/// reads data, weights or settings asks first, so that an image is not trained on as text and an error can name what the file is.
/// </summary>
public static class FileFormats
{
    /// <summary>Bytes of a file's beginning that tell most: enough to meet a zero byte in practically every binary format.</summary>
    public const int HeadBytes = 8192;

    private const string Leave = "leave it out with a glob in --data, or take its bytes as they are with --binary";
    private const string Unpack = "unpack it, or hand its content over as in --data <(zcat text.gz)";
    private const string Utf8 = "convert it to UTF-8 (iconv -t UTF-8), or take its bytes as they are with --binary";

    // Longer marks first where one is the beginning of another.
    private static readonly (byte[] Mark, FileFormat Format)[] Marks =
    [
        ([0xFF, 0xFE, 0, 0], new("text in UTF-32", Utf8, HoldsData: true)),
        ([0, 0, 0xFE, 0xFF], new("text in UTF-32", Utf8, HoldsData: true)),
        ([0xFF, 0xFE], new("text in UTF-16", Utf8, HoldsData: true)),
        ([0xFE, 0xFF], new("text in UTF-16", Utf8, HoldsData: true)),
        ([0x93, .. "NUMPY"u8],
            new("a NumPy array",
                "write its tokens as plain uint16 (array.astype('uint16').tofile('data.bin')), or take its bytes as they are with --binary",
                    HoldsData: true)),
        ([0x1F, 0x8B], new("a gzip archive", Unpack)),
        ([.. "BZh"u8], new("a bzip2 archive", Unpack)),
        ([0xFD, .. "7zXZ"u8, 0], new("an xz archive", Unpack)),
        ([0x28, 0xB5, 0x2F, 0xFD], new("a Zstandard archive", Unpack)),
        ([0x04, 0x22, 0x4D, 0x18], new("an LZ4 archive", Unpack)),
        ([.. "PK"u8, 3, 4],
            new("a zip archive (as .docx, .npz and PyTorch's files are)", "unpack it, or write its text or tokens as plain files")),
        ([.. "PK"u8, 5, 6], new("an empty zip archive", Leave)),
        ([.. "7z"u8, 0xBC, 0xAF, 0x27, 0x1C], new("a 7-Zip archive", "unpack it")),
        ([.. "Rar!"u8, 0x1A, 7], new("a RAR archive", "unpack it")),
        ([0x89, .. "PNG"u8, 13, 10, 26, 10], new("a PNG image", Leave)),
        ([0xFF, 0xD8, 0xFF], new("a JPEG image", Leave)),
        ([.. "GIF87a"u8], new("a GIF image", Leave)), ([.. "GIF89a"u8], new("a GIF image", Leave)),
        ([.. "II"u8, 42, 0], new("a TIFF image", Leave)), ([.. "MM"u8, 0, 42], new("a TIFF image", Leave)),
        ([.. "%PDF-"u8], new("a PDF document", "convert it to text (pdftotext), or take its bytes as they are with --binary")),
        ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], new("an old Microsoft Office document", "save it as text")),
        ([0x7F, .. "ELF"u8], new("a program (ELF)", Leave)),
        ([0xCA, 0xFE, 0xBA, 0xBE], new("a Java class or a macOS program", Leave)),
        ([0, .. "asm"u8], new("a WebAssembly program", Leave)),
        ([.. "SQLite format 3"u8, 0], new("an SQLite database", "write its text as a plain file")),
        ([.. "PAR1"u8], new("a Parquet table", "write its text as a plain file", HoldsData: true)),
        ([.. "ARROW1"u8], new("an Arrow table", "write its text as a plain file", HoldsData: true)),
        ([0x89, .. "HDF"u8, 13, 10, 26, 10], new("an HDF5 file", "write its text or tokens as plain files", HoldsData: true)),
        ([.. "OggS"u8], new("an Ogg recording", Leave)), ([.. "fLaC"u8], new("a FLAC recording", Leave)),
            ([.. "ID3"u8], new("an MP3 recording", Leave)),
        ([0x1F, 0x9D], new("a file packed by compress", Unpack)),
        ([.. "Obj"u8, 1], new("an Avro table", "write its text as a plain file", HoldsData: true)),
        ([.. "GGUF"u8], new("a GGUF model", Leave)), ([.. "lmgg"u8], new("a GGML model", Leave)),
        ([.. "MSCF"u8, 0, 0, 0, 0], new("a cabinet archive", "unpack it")),
        ([0x80, 2, .. "}"u8], new("a Python pickle", "write its text or tokens as plain files")),
            ([0x80, 4, 0x95], new("a Python pickle", "write its text or tokens as plain files")),
    ];

    // Magic numbers of llm.c's files, which are the days on which it began to write them.
    private static readonly Dictionary<int, string> LlmC = new()
    {
        [20240326] = "a model",
        [20240327] = "a debugging state",
        [20240328] = "a tokenizer",
        [20240522] = "an evaluation set",
        [20240801] = "a shard of 32-bit tokens",
        [20240803] = "a model",
    };

    /// <summary>What the file is; null where nothing is known of it, as of all text and of token shards that can be read.</summary>
    /// <param name="head">Its first bytes, best <see cref="HeadBytes"/> of them.</param>
    public static FileFormat? Of(ReadOnlySpan<byte> head)
    {
        if (OfLlmC(head) is { } shard)
            return shard;
        foreach (var (mark, format) in Marks)
        {
            // Words may begin as a format does whose mark is letters: then it must not be text.
            if (head.StartsWith(mark) && !(IsWord(mark) && IsPlainText(head)))
                return format;
        }

        return OfInside(head);
    }

    /// <summary>Place of the first zero byte, which no text has; -1: there is none.</summary>
    public static int FirstZero(ReadOnlySpan<byte> head) => head.IndexOf((byte)0);

    /// <summary>Whether bytes are text in the narrow sense: UTF-8, cut anywhere, without controls but those of layout.</summary>
    public static bool IsPlainText(ReadOnlySpan<byte> head)
    {
        while (!head.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(head, out var rune, out var length);
            if (status == System.Buffers.OperationStatus.NeedMoreData)
                return true;
            if (status != System.Buffers.OperationStatus.Done || rune.Value is < 0x20 and not ('\t' or '\n' or '\r' or '\f') or 0x7F)
                return false;
            head = head[length..];
        }

        return true;
    }

    private static bool IsWord(ReadOnlySpan<byte> mark) =>
        !mark.ContainsAnyExceptInRange((byte)'!', (byte)'z') && !mark.Contains((byte)'-');

    private static FileFormat? OfLlmC(ReadOnlySpan<byte> head)
    {
        if (head.Length < 8 || !LlmC.TryGetValue(BinaryPrimitives.ReadInt32LittleEndian(head), out var what))
            return null;

        // Two 16-bit tokens may be the same four bytes by chance; a version is a small number behind them.
        var version = BinaryPrimitives.ReadInt32LittleEndian(head[4..]);
        return version is < 0 or > 99
            ? null
            : new FileFormat(
                $"{what} of llm.c (magic {BinaryPrimitives.ReadInt32LittleEndian(head)}, version {version})",
                    "write shards of 16-bit tokens (magic 20240520, version 1)", HoldsData: true);
    }

    private static FileFormat? OfInside(ReadOnlySpan<byte> head)
    {
        if (head.Length >= 12 && head.StartsWith("RIFF"u8) && !IsPlainText(head))
            return new(head[8..].StartsWith("WEBP"u8) ? "a WebP image" : "a RIFF recording", Leave);
        if (head.Length >= 12 && head[4..].StartsWith("ftyp"u8) && !IsPlainText(head))
            return new("a video or an image of the MP4 family", Leave);
        if (head.Length >= 262 && head[257..].StartsWith("ustar"u8))
            return new("a tar archive", "unpack it");
        if (head.Length >= 10 && head[8] == (byte)'{' && head[9] is (byte)'"' or (byte)'}'
            && BinaryPrimitives.ReadUInt64LittleEndian(head) <= 100_000_000)
        {
            return new("a safetensors file", "it holds a model's tensors: name it with --init, or leave it out") { IsModel = true };
        }
        return OfUnmarkedUnicode(head);
    }

    /// <summary>UTF-16 without a mark: mostly letters of Latin scripts, of which every second byte is zero and no other is.</summary>
    private static FileFormat? OfUnmarkedUnicode(ReadOnlySpan<byte> head)
    {
        const int least = 16;
        var pairs = Math.Min(head.Length, 512) / 2;
        if (pairs < least)
            return null;
        var (low, high, letters) = (0, 0, 0);
        for (var at = 0; at < 2 * pairs; at += 2)
        {
            low += head[at] == 0 ? 1 : 0;
            high += head[at + 1] == 0 ? 1 : 0;
            var letter = head[at] == 0 ? head[at + 1] : head[at];
            letters += letter is >= 0x20 and < 0x7F or (byte)'\n' or (byte)'\r' or (byte)'\t' ? 1 : 0;
        }

        var isText = letters == pairs && ((low == pairs && high == 0) || (high == pairs && low == 0));
        return isText ? new FileFormat("text in UTF-16 without a mark", Utf8, HoldsData: true) : null;
    }
}
