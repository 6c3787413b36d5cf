using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Grains.Hosting;
using Orleans.Storage;

namespace Coordinator.Silo.Storage;

/// <summary>Grain states as plain JSON, so that whoever looks into the database can read them.</summary>
public sealed partial class StateSerializer : IGrainStorageSerializer
{
    /// <inheritdoc/>
    public BinaryData Serialize<T>(T? input) => new(JsonSerializer.SerializeToUtf8Bytes(input, typeof(T), StateJson.Default));

    /// <inheritdoc/>
    public T Deserialize<T>(BinaryData input) => (T)JsonSerializer.Deserialize(input.ToMemory().Span, typeof(T), StateJson.Default)!;

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(StoredMachine))]
    private sealed partial class StateJson : JsonSerializerContext;
}
