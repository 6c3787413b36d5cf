using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// Where each tensor of a file lies, and the header that says so. Equal tensors and metadata give equal bytes,
/// in whatever order they are given: tensors go by falling alignment, then by name in the order of its UTF-8 bytes.
/// </summary>
internal sealed class SafeTensorsLayout
{
    public const string MetadataKey = "__metadata__";

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private SafeTensorsLayout(SafeTensor[] tensors, byte[] header) => (Tensors, Header) = (tensors, header);

    /// <summary>Tensors with their ranges, in the order of the file.</summary>
    public IReadOnlyList<SafeTensor> Tensors { get; }

    /// <summary>Everything before the data: length, JSON, padding; a multiple of 8 bytes.</summary>
    public byte[] Header { get; }

    /// <exception cref="ArgumentException">A name that is empty, reserved, repeated or no valid text; a shape that has no size.</exception>
    public static SafeTensorsLayout Plan(IEnumerable<SafeTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var sorted = tensors.Select(tensor => (Tensor: tensor, Key: KeyBytes(tensor.Name))).ToArray();
        Array.Sort(sorted, (a, b) =>
        {
            var byAlignment = b.Tensor.Dtype.Bytes().CompareTo(a.Tensor.Dtype.Bytes());
            return byAlignment != 0 ? byAlignment : a.Key.AsSpan().SequenceCompareTo(b.Key);
        });

        var names = new HashSet<string>(StringComparer.Ordinal);
        var placed = new SafeTensor[sorted.Length];
        long offset = 0;
        for (var i = 0; i < placed.Length; i++)
        {
            var tensor = sorted[i].Tensor;
            if (!names.Add(tensor.Name))
                throw new ArgumentException($"tensor '{tensor.Name}' is given twice", nameof(tensors));

            var end = tensor.NeededBytes is { } bytes && bytes <= long.MaxValue - offset
                ? offset + bytes
                : throw new ArgumentException(
                    $"tensor '{tensor.Name}' has shape {tensor.ShapeText}, which is negative or too large", nameof(tensors));
            placed[i] = tensor with { Begin = offset, End = end };
            offset = end;
        }

        return new SafeTensorsLayout(placed, WriteHeader(placed, metadata));
    }

    private static byte[] KeyBytes(string name)
    {
        if (name.Length == 0 || name == MetadataKey)
            throw new ArgumentException($"'{name}' cannot be a tensor's name", nameof(name));

        return Utf8(name);
    }

    // A lone surrogate would be replaced by the JSON writer, and two names could become one.
    private static byte[] Utf8(string text)
    {
        try
        {
            return Strict.GetBytes(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException($"'{text}' is no valid Unicode text", nameof(text), e);
        }
    }

    private static byte[] WriteHeader(SafeTensor[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            WriteMetadata(writer, metadata);
            foreach (var tensor in tensors)
            {
                writer.WriteStartObject(tensor.Name);
                writer.WriteString("dtype", tensor.Dtype.FileName());
                writer.WriteStartArray("shape");
                foreach (var dimension in tensor.Shape)
                    writer.WriteNumberValue(dimension);

                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(tensor.Begin);
                writer.WriteNumberValue(tensor.End);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return Frame(json.WrittenSpan);
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyDictionary<string, string>? metadata)
    {
        // Readers index "format" without looking whether it is there.
        var entries = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" };
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
        {
            _ = Utf8(key);
            _ = Utf8(value);
            entries[key] = value;
        }

        writer.WriteStartObject(MetadataKey);
        foreach (var (key, value) in entries)
            writer.WriteString(key, value);

        writer.WriteEndObject();
    }

    private static byte[] Frame(ReadOnlySpan<byte> json)
    {
        var padded = (json.Length + 7) / 8 * 8;
        if (padded > SafeTensorsHeader.LargestBytes)
        {
            throw new ArgumentException(
                $"a header of {padded} bytes is above the format's {SafeTensorsHeader.LargestBytes}; write several files");
        }

        var header = new byte[8 + padded];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)padded);
        json.CopyTo(header.AsSpan(8));
        return header;
    }
}
