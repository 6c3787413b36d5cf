using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// What a membership or an assignment of shards is called between silos. Its job, incarnation and generation say whose it is, and so who is
/// asked for it; the digest of its text is part of the name, so that one name never means two texts.
/// </summary>
/// <param name="Kind">What it is.</param>
/// <param name="Job">The job that formed or assigned it.</param>
/// <param name="Incarnation">Activation of the job's machine.</param>
/// <param name="Generation">The generation that it leads to, or that is assigned for.</param>
/// <param name="Digest">First half of the SHA-256 of its text, lower-case hexadecimal.</param>
public sealed partial record PartName(PartKind Kind, JobId Job, long Incarnation, long Generation, string Digest)
{
    private static ReadOnlySpan<byte> Start => "{\"part\":"u8;

    /// <summary>Whether a text is a name, as <see cref="Write"/> writes it, and no message.</summary>
    public static bool IsName(ReadOnlySpan<byte> text) => text.StartsWith(Start);

    /// <summary>The name as JSON.</summary>
    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(new Envelope(this), PartNameJson.Default.Envelope);

    /// <summary>Reads what <see cref="Write"/> has written.</summary>
    /// <exception cref="JsonException">The text is no name.</exception>
    public static PartName Read(ReadOnlySpan<byte> text) =>
        JsonSerializer.Deserialize(text, PartNameJson.Default.Envelope)?.Part ?? throw new JsonException("a part has no name");

    internal sealed record Envelope(PartName Part);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Envelope))]
    internal sealed partial class PartNameJson : JsonSerializerContext;
}
