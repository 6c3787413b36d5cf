using System.Text.Json.Serialization;
using Coordinator.Server.Storage;

namespace Coordinator.Server.Api;

/// <summary>The JSON form of what the API says beyond the machines' own records.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(SubmittedBody))]
[JsonSerializable(typeof(JobsBody))]
[JsonSerializable(typeof(GangsBody))]
[JsonSerializable(typeof(LogBody))]
[JsonSerializable(typeof(NodesBody))]
[JsonSerializable(typeof(GpusBody))]
[JsonSerializable(typeof(CoolingBody))]
[JsonSerializable(typeof(DrainsBody))]
[JsonSerializable(typeof(DrainRequest))]
[JsonSerializable(typeof(MarkRequest))]
[JsonSerializable(typeof(EventsBody))]
[JsonSerializable(typeof(StepsBody))]
[JsonSerializable(typeof(StoredFileBody))]
[JsonSerializable(typeof(InfoBody))]
[JsonSerializable(typeof(HealthBody))]
[JsonSerializable(typeof(StoreHolder))]
internal sealed partial class ApiJson : JsonSerializerContext;
