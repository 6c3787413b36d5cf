using System.Text.Json;

namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// Reads and checks a safetensors header. Written against the JSON tokens and not a document, because a document
/// hides repeated keys, which could let two readers see different tensors.
/// </summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>The format's limit on the JSON's length.</summary>
    public const int LargestBytes = 100_000_000;

    private readonly string path;
    private readonly Dictionary<string, SafeTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);

    private SafeTensorsHeader(string path) => this.path = path;

    /// <summary>Tensors in the order of their data.</summary>
    public IReadOnlyList<SafeTensor> Tensors { get; private set; } = [];

    /// <summary>Entries of <c>__metadata__</c>; empty where there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Parses the JSON and checks that its ranges cover the data exactly.</summary>
    /// <param name="path">Names the file in errors.</param>
    /// <param name="json">The header without its length.</param>
    /// <param name="dataBytes">Bytes in the file behind the header.</param>
    /// <exception cref="SafeTensorsException">Anything that is not as the format asks.</exception>
    public static SafeTensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataBytes)
    {
        var header = new SafeTensorsHeader(path);
        if (json.IsEmpty || json[0] != (byte)'{')
            throw header.Bad("does not begin with '{'");

        try
        {
            header.ReadObject(json);
        }
        catch (JsonException e)
        {
            throw header.Bad($"is no JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // The reader's answer to text that is no UTF-8.
            throw header.Bad("holds text that is no UTF-8", e);
        }

        header.CheckCoverage(dataBytes);
        return header;
    }

    private void ReadObject(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        var sawMetadata = false;
        while (ReadName(ref reader, "the header") is { } name)
        {
            if (name != SafeTensorsLayout.MetadataKey)
            {
                var tensor = ReadTensor(ref reader, name);
                if (!tensors.TryAdd(name, tensor))
                    throw Duplicate($"tensor '{name}'");
            }
            else if (sawMetadata)
            {
                throw Duplicate($"'{name}'");
            }
            else
            {
                sawMetadata = true;
                ReadMetadata(ref reader);
            }
        }

        // Anything but white space behind the object makes this call fail.
        reader.Read();
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, $"'{SafeTensorsLayout.MetadataKey}'", "an object");
        while (ReadName(ref reader, SafeTensorsLayout.MetadataKey) is { } key)
        {
            Expect(ref reader, JsonTokenType.String, $"'{SafeTensorsLayout.MetadataKey}.{key}'", "a string");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw Duplicate($"'{SafeTensorsLayout.MetadataKey}.{key}'");
        }
    }

    private SafeTensor ReadTensor(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.StartObject, $"tensor '{name}'", "an object");
        SafeTensorsDtype? dtype = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        while (ReadName(ref reader, $"tensor '{name}'") is { } key)
        {
            var isRepeated = key switch
            {
                "dtype" => dtype is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => throw Bad($"has tensor '{name}' with unknown key '{key}'"),
            };
            if (isRepeated)
                throw Duplicate($"'{key}' of tensor '{name}'");

            switch (key)
            {
                case "dtype":
                    dtype = ReadDtype(ref reader, name);
                    break;
                case "shape":
                    shape = ReadNumbers(ref reader, name, key, SafeTensorsProblem.BadShape);
                    break;
                default:
                    offsets = ReadNumbers(ref reader, name, key, SafeTensorsProblem.BadOffsets);
                    break;
            }
        }

        return Checked(name, dtype, shape, offsets);
    }

    private SafeTensor Checked(string name, SafeTensorsDtype? dtype, List<long>? shape, List<long>? offsets)
    {
        if (dtype is null || shape is null || offsets is null)
        {
            var missing = dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets";
            throw Bad($"has tensor '{name}' without '{missing}'");
        }

        if (offsets.Count != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
        {
            throw Error(
                SafeTensorsProblem.BadOffsets, $"tensor '{name}' has data_offsets [{string.Join(',', offsets)}], which are no range");
        }

        var tensor = new SafeTensor(name, dtype.Value, shape) { Begin = offsets[0], End = offsets[1] };
        if (tensor.NeededBytes is not { } needed)
            throw Error(SafeTensorsProblem.BadShape, $"tensor '{name}' has shape {tensor.ShapeText}, which is negative or too large");

        return needed == tensor.Bytes
            ? tensor
            : throw Error(
                SafeTensorsProblem.SizeMismatch,
                $"tensor '{name}' has {tensor.Bytes} bytes where shape {tensor.ShapeText} of {dtype.Value.FileName()} needs {needed}");
    }

    private void CheckCoverage(long dataBytes)
    {
        // Empty tensors share their place with the next; the name makes their order the same for every reader.
        var sorted = tensors.Values.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.End)
            .ThenBy(tensor => tensor.Name, StringComparer.Ordinal).ToArray();
        long covered = 0;
        foreach (var tensor in sorted)
        {
            if (tensor.Begin < covered)
            {
                throw Error(
                    SafeTensorsProblem.Overlap,
                    $"tensor '{tensor.Name}' begins at byte {tensor.Begin}, inside the one that ends at {covered}");
            }

            if (tensor.Begin > covered)
            {
                throw Error(
                    SafeTensorsProblem.Gap, $"bytes {covered} to {tensor.Begin}, before tensor '{tensor.Name}', belong to no tensor");
            }

            if (tensor.End > dataBytes)
            {
                throw Error(
                    SafeTensorsProblem.Truncated, $"tensor '{tensor.Name}' ends at byte {tensor.End} of the data, which has {dataBytes}");
            }

            covered = tensor.End;
        }

        if (covered != dataBytes)
            throw Error(SafeTensorsProblem.Gap, $"the last {dataBytes - covered} bytes belong to no tensor");

        Tensors = sorted;
    }

    private SafeTensorsDtype ReadDtype(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String, $"'dtype' of tensor '{name}'", "a string");
        var text = reader.GetString()!;
        return SafeTensorsDtypes.TryParse(text, out var dtype)
            ? dtype
            : throw Error(SafeTensorsProblem.UnknownDtype, $"tensor '{name}' has unknown dtype '{text}'");
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string key, SafeTensorsProblem problem)
    {
        Expect(ref reader, JsonTokenType.StartArray, $"'{key}' of tensor '{name}'", "an array");
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number))
                throw Error(problem, $"'{key}' of tensor '{name}' holds something else than whole numbers of 63 bits");

            numbers.Add(number);
        }

        return numbers;
    }

    // The next property's name, or null at the end of the object.
    private string? ReadName(ref Utf8JsonReader reader, string where)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.PropertyName => reader.GetString(),
            JsonTokenType.EndObject => null,
            _ => throw Bad($"has {reader.TokenType} where {where} should go on"),
        };
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what, string wanted)
    {
        reader.Read();
        if (reader.TokenType != type)
            throw Bad($"has {what} that is {reader.TokenType}, not {wanted}");
    }

    private SafeTensorsException Duplicate(string what) => Error(SafeTensorsProblem.Duplicate, $"{what} stands twice in the header");

    private SafeTensorsException Bad(string what, Exception? cause = null) =>
        new(SafeTensorsProblem.BadHeader, $"{path}: the header {what}", cause);

    private SafeTensorsException Error(SafeTensorsProblem problem, string what) => new(problem, $"{path}: {what}");
}
