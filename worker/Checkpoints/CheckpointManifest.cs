using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Coordinator.Machines;

namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// What a complete checkpoint consists of: <c>manifest.json</c> in its folder, written after all parts are durable. Its bytes follow from
/// its content, so that several workers that write it write the same. It names files of its own folder only.
/// </summary>
public sealed partial record CheckpointManifest
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Version of the format that this build writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Largest manifest that is read, bytes: that of a job of 100,000 ranks has about 20 MB.</summary>
    public const int MostBytes = 256 << 20;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        MaxDepth = 8,
        WriteIndented = true,
        NewLine = "\n",
    };

    /// <summary>Version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The job.</summary>
    public required string Job { get; init; }

    /// <summary>Timeline of the state.</summary>
    public required int Timeline { get; init; }

    /// <summary>Step after which the state stood.</summary>
    public required long Step { get; init; }

    /// <summary>Generation whose members saved it.</summary>
    public required long Generation { get; init; }

    /// <summary>Class of the devices that computed it.</summary>
    public required string DeviceClass { get; init; }

    /// <summary>Float32 elements of the whole state: parameters, first moments, second moments, one after the other.</summary>
    public required long Elements { get; init; }

    /// <summary>The parts, by offset: they cover all elements once.</summary>
    public required IReadOnlyList<CheckpointPart> Parts { get; init; }

    /// <summary>The checkpoint's name.</summary>
    [JsonIgnore]
    public CheckpointId Id => new(Timeline, Step, Generation);

    /// <summary>The file's bytes: UTF-8 JSON and a line feed.</summary>
    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Json), (byte)'\n'];

    /// <summary>Reads and checks a manifest: everything that it can say wrong without looking at the parts.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="path">Its name, for messages.</param>
    /// <exception cref="CheckpointException">It is none, or it contradicts itself.</exception>
    public static CheckpointManifest Parse(ReadOnlySpan<byte> bytes, string path)
    {
        CheckpointManifest manifest;
        try
        {
            manifest = JsonSerializer.Deserialize<CheckpointManifest>(bytes, Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{path}: is no manifest: {e.Message}", e);
        }

        if (manifest.WhyWrong() is { } why)
            throw new CheckpointException($"{path}: {why}");
        return manifest;
    }

    private string? WhyWrong()
    {
        if (Version != CurrentVersion)
            return $"is of version {Version}, and this build reads version {CurrentVersion}; use the build that wrote it";
        if (Step < 1 || Timeline < 0 || Generation < 1 || Elements < 1)
            return $"step {Step}, timeline {Timeline}, generation {Generation} and {Elements} elements cannot be";
        long next = 0;
        foreach (var part in Parts)
        {
            if (part is null)
                return "a part is null";
            if (!PartName().IsMatch(part.File))
            {
                return $"'{Printable(part.File)}' is no name of a part; parts lie in the checkpoint's own folder, and nothing outside it "
                    + "is read";
            }
            if (!Sha256().IsMatch(part.Sha256))
                return $"{part.File}: '{Printable(part.Sha256)}' is no SHA-256";
            if (part.Elements < 1 || part.Offset != next || part.Elements > Elements - next)
            {
                return $"{part.File} holds elements from {part.Offset}, {part.Elements} of them, where {next} of {Elements} are covered "
                    + "before it";
            }
            if (part.Bytes <= part.Elements * sizeof(float))
                return $"{part.File} cannot hold {part.Elements} elements in {part.Bytes} bytes";
            next += part.Elements;
        }

        return next == Elements ? null : $"its parts cover {next} of {Elements} elements";
    }

    private static string Printable(string text) => new([.. text.Take(80).Select(c => char.IsControl(c) ? '?' : c)]);

    [GeneratedRegex(@"^part-[0-9]{5,7}-of-[0-9]{5,7}\.safetensors\z", RegexOptions.CultureInvariant)]
    private static partial Regex PartName();

    [GeneratedRegex(@"^[0-9a-f]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Sha256();
}
