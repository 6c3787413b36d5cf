using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Grains.Hosting;
using Orleans.Storage;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Grain states as plain JSON, so that whoever looks into the database can read them. A state is a text in a text, whose quotes are written
/// as <c>\"</c>: the safe form for pages, <c>\u0022</c>, makes a row nearly twice as long.
/// </summary>
public sealed partial class StateSerializer : IGrainStorageSerializer
{
    private static readonly StateJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <inheritdoc/>
    public BinaryData Serialize<T>(T? input) => new(JsonSerializer.SerializeToUtf8Bytes(input, typeof(T), Json));

    /// <inheritdoc/>
    public T Deserialize<T>(BinaryData input) => (T)JsonSerializer.Deserialize(input.ToMemory().Span, typeof(T), Json)!;

    [JsonSerializable(typeof(StoredMachine))]
    private sealed partial class StateJson : JsonSerializerContext;
}
