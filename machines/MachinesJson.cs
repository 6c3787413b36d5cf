using System.Text.Json.Serialization;
using Coordinator.Machines.Jobs;

namespace Coordinator.Machines;

/// <summary>
/// The JSON form of everything that travels or is stored: source-generated, camel case, nulls left out, unknown members ignored.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(GrainMessage))]
[JsonSerializable(typeof(WorkerMessage))]
[JsonSerializable(typeof(CoordinatorMessage))]
[JsonSerializable(typeof(RankOrder))]
[JsonSerializable(typeof(CoordinatorEvent))]
[JsonSerializable(typeof(StepRecord))]
[JsonSerializable(typeof(JobSpec))]
[JsonSerializable(typeof(TrainingJobState))]
[JsonSerializable(typeof(Gpus.GpuState))]
[JsonSerializable(typeof(Clusters.ClusterState))]
[JsonSerializable(typeof(Gangs.GangSpec))]
[JsonSerializable(typeof(Gangs.GangState))]
[JsonSerializable(typeof(Gangs.GangView))]
[JsonSerializable(typeof(JobView))]
[JsonSerializable(typeof(NodeView))]
[JsonSerializable(typeof(GpuView))]
[JsonSerializable(typeof(ClusterView))]
[JsonSerializable(typeof(PowerView))]
[JsonSerializable(typeof(CoolingZoneView))]
[JsonSerializable(typeof(DrainView))]
[JsonSerializable(typeof(Ledger.JobLedger))]
[JsonSerializable(typeof(Clusters.PowerSettings))]
[JsonSerializable(typeof(Clusters.CoolingZone))]
public sealed partial class MachinesJson : JsonSerializerContext;
