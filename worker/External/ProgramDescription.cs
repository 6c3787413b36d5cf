using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Worker.External;

/// <summary>
/// What a program says of itself when it joins: the schema of its state, and what decides its bits. Read from foreign bytes, so everything
/// is checked before memory is laid out by it.
/// </summary>
public sealed record ProgramDescription
{
    /// <summary>The protocol's version that this worker speaks.</summary>
    public const int Version = 1;

    /// <summary>Most entries of a state.</summary>
    public const int MostTensors = 1 << 17;

    private const long MostBytes = 1L << 46;
    private const int MostWords = 2000;

    /// <summary>The secret that the worker gave to the process that it started.</summary>
    public required string Key { get; init; }

    /// <summary>The client's name and version, for people.</summary>
    public required string Client { get; init; }

    /// <summary>What decides the program's bits beside its files: equal words, equal bits.</summary>
    public required string DeviceClass { get; init; }

    /// <summary>Samples that a shard's indices are drawn from; 0: indices are positions that go on rising.</summary>
    public required long Samples { get; init; }

    /// <summary>Elements of the gradient.</summary>
    public required long GradientElements { get; init; }

    /// <summary>Bytes of the whole state, a multiple of 64.</summary>
    public required long StateBytes { get; init; }

    /// <summary>Bytes at the state's beginning that hold all that the final model has, a multiple of 4.</summary>
    public required long ModelBytes { get; init; }

    /// <summary>All entries, in the order of their places.</summary>
    public required IReadOnlyList<ProgramTensor> Tensors { get; init; }

    /// <summary>A hash over the schema: names, types, shapes and places.</summary>
    public string SchemaSha256()
    {
        var text = new StringBuilder().Append(GradientElements).Append(' ').Append(StateBytes).Append(' ').Append(Samples).Append('\n');
        foreach (var tensor in Tensors)
        {
            text.Append(tensor.Name).Append('\t').Append(tensor.Dtype).Append('\t').AppendJoin(',', tensor.Shape).Append('\t')
                .Append(tensor.Offset).Append('\n');
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>The tensor that an element of the gradient belongs to, for people.</summary>
    public string NameOf(long element)
    {
        var left = element;
        foreach (var tensor in Tensors.Where(tensor => tensor.IsTrained))
        {
            if (left < tensor.Elements)
                return $"{tensor.Name}, at element {left}";
            left -= tensor.Elements;
        }

        return $"element {element} of the gradient";
    }

    /// <summary>Reads a description.</summary>
    /// <exception cref="FormatException">It is none, or says what cannot be; the message names the first thing that is wrong.</exception>
    public static ProgramDescription Read(ReadOnlySpan<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json.ToArray());
            return Read(document.RootElement);
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or OverflowException)
        {
            throw new FormatException($"the description cannot be read: {wrong.Message}", wrong);
        }
    }

    private static ProgramDescription Read(JsonElement root)
    {
        if (root.GetProperty("version").GetInt32() is var version && version != Version)
        {
            throw new FormatException($"the program speaks version {version} of the protocol, and this worker version {Version}; install "
                + "the package that came with it");
        }
        var read = new ProgramDescription
        {
            Key = Words(root, "key"),
            Client = Words(root, "client"),
            DeviceClass = Words(root, "device_class"),
            Samples = Number(root, "samples", 0, 1L << 62),
            GradientElements = Number(root, "gradient_elements", 1, MostBytes / sizeof(float)),
            StateBytes = Number(root, "state_bytes", 64, MostBytes),
            ModelBytes = Number(root, "model_bytes", 0, MostBytes),
            Tensors = [.. ReadTensors(root.GetProperty("tensors"))],
        };
        if (read.StateBytes % 64 != 0 || read.ModelBytes % 4 != 0 || read.ModelBytes > read.StateBytes)
        {
            throw new FormatException($"a state of {read.StateBytes} bytes with a model of {read.ModelBytes} has to be of whole 64 and 4 "
                + "bytes, and the model within the state");
        }
        read.CheckPlaces();
        if (read.Tensors.Where(tensor => tensor.IsTrained).Sum(tensor => tensor.Elements) is > 0 and var trained
            && trained != read.GradientElements)
        {
            throw new FormatException(
                $"the gradient has {read.GradientElements} elements, and the entries that are trained have {trained}");
        }
        return read;
    }

    private void CheckPlaces()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var end = 0L;
        foreach (var tensor in Tensors)
        {
            if (!names.Add(tensor.Name))
                throw new FormatException($"there are two entries '{tensor.Name}'");
            if (tensor.Offset < end || tensor.Offset % 4 != 0 || tensor.Bytes > StateBytes - tensor.Offset)
            {
                throw new FormatException(
                    $"entry '{tensor.Name}' of {tensor.Bytes} bytes cannot lie at byte {tensor.Offset} of {StateBytes}, behind byte {end}");
            }
            end = tensor.Offset + tensor.Bytes;
            if (tensor.IsModel && end > ModelBytes)
            {
                throw new FormatException(
                    $"entry '{tensor.Name}' belongs to the model and ends at byte {end}, behind the model's {ModelBytes}");
            }
        }
    }

    private static IEnumerable<ProgramTensor> ReadTensors(JsonElement list)
    {
        if (list.GetArrayLength() > MostTensors)
            throw new FormatException($"there are {list.GetArrayLength()} entries; {MostTensors} is the most");
        foreach (var entry in list.EnumerateArray())
        {
            var name = Words(entry, "name");
            if (name.Length == 0)
                throw new FormatException("an entry has no name");
            var dtype = Words(entry, "dtype");
            if (!SafeTensorsDtypes.TryParse(dtype, out var parsed))
                throw new FormatException($"entry '{name}' is of type '{dtype}', which no safetensors file has");
            long[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(axis => axis.GetInt64())];
            if (shape.Length > 64 || shape.Any(axis => axis < 0 || axis > MostBytes))
                throw new FormatException($"entry '{name}' has the shape [{string.Join(", ", shape.Take(8))}]");
            yield return new ProgramTensor(
                name,
                parsed,
                shape,
                Number(entry, "offset", 0, MostBytes),
                entry.GetProperty("model").GetBoolean(),
                entry.TryGetProperty("trained", out var trained) && trained.GetBoolean());
        }
    }

    private static string Words(JsonElement from, string name)
    {
        var text = from.GetProperty(name).GetString() ?? "";
        return text.Length <= MostWords && !text.Any(char.IsControl) ? text : throw new FormatException(
            $"{name} is no line of at most {MostWords} characters");
    }

    private static long Number(JsonElement from, string name, long least, long most)
    {
        var value = from.GetProperty(name).GetInt64();
        return value >= least && value <= most ? value : throw new FormatException($"{name} is {value} and must be {least} to {most}");
    }
}
