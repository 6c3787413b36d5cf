using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Jobs;

namespace Coordinator.Conformance;

/// <summary>Transcript words into the project's own records, by their JSON. What a transcript leaves out has a plain default.</summary>
internal static class Words
{
    /// <summary><c>Job:j</c>, <c>Gpu:n1/0</c>, <c>Node:n1</c>, <c>Cluster</c>.</summary>
    public static GrainAddress Grain(string text)
    {
        if (text == "Cluster")
            return GrainAddress.Cluster;
        var parts = text.Split(':');
        return parts.Length == 2 && Enum.TryParse<GrainKind>(parts[0], out var kind)
            ? new GrainAddress(kind, parts[1])
            : throw new FormatException($"'{text}' is no grain: write Job:j, Gpu:n1/0, Node:n1 or Cluster");
    }

    /// <summary>A job of four shards whose data nobody reads.</summary>
    public static JobSpec Spec(IEnumerable<string> fields)
    {
        var read = new JsonObject
        {
            ["ranks"] = 1,
            ["min"] = 1,
            ["steps"] = 5,
            ["priority"] = 0,
            ["start"] = "10s",
            ["answer"] = "3s",
            ["progress"] = "5s",
            ["state"] = "600s",
            ["class"] = "",
            ["checkpoint"] = "off",
            ["nonfinite"] = false
        };
        Fields.Put(read, fields);
        return new JobSpec
        {
            Name = "conformance",
            Ranks = read["ranks"]!.GetValue<int>(),
            MinRanks = read["min"]!.GetValue<int>(),
            Priority = read["priority"]!.GetValue<int>(),
            DeviceClass = read["class"]!.GetValue<string>(),
            Model = new ModelSpec { Program = "linear", Channels = 16 },
            Training = new TrainingSpec
            {
                Steps = read["steps"]!.GetValue<int>(),
                BatchSize = 4,
                Shards = 4,
                MicroBatch = 1,
                AllowNonfinite = read["nonfinite"]!.GetValue<bool>()
            },
            Collective = new CollectiveSpec { BlockElements = 16 },
            FaultTolerance = new FaultToleranceSpec
            {
                StartTimeout = Time("start"),
                AnswerTimeout = Time("answer"),
                ProgressTimeout = Time("progress"),
                StateTimeout = Time("state"),
            },
            Checkpoint = new CheckpointSpec { Interval = read["checkpoint"]!.ToString() },
            Secret = Convert.ToBase64String(new byte[32]),
        };

        TimeSpan Time(string name) => Fields.Time(read[name]!.GetValue<string>());
    }

    /// <summary>A gang whose program nobody starts.</summary>
    public static GangSpec Gang(IEnumerable<string> fields)
    {
        var read = new JsonObject
        {
            ["nodes"] = 1,
            ["min"] = 0,
            ["gpus"] = 1,
            ["restarts"] = 3,
            ["lease"] = "10s",
            ["alone"] = "600s",
            ["grace"] = "10s",
            ["nodeFailures"] = 3,
        };
        Fields.Put(read, fields);
        return new GangSpec
        {
            Name = "conformance",
            Command = ["program"],
            MaxNodes = Number("nodes"),
            MinNodes = Number("min") > 0 ? Number("min") : Number("nodes"),
            GpusPerNode = Number("gpus"),
            Restarts = Number("restarts"),
            NodeFailures = Number("nodeFailures"),
            Lease = Fields.Time(read["lease"]!.GetValue<string>()),
            Alone = Fields.Time(read["alone"]!.GetValue<string>()),
            Grace = Fields.Time(read["grace"]!.GetValue<string>()),
        };

        int Number(string name) => read[name]!.GetValue<int>();
    }

    public static GrainMessage GrainMessage(string kind, IEnumerable<string> fields)
    {
        var message = new JsonObject { ["kind"] = kind };
        Fields.Put(message, fields);
        return message.Deserialize(MachinesJson.Default.GrainMessage)!;
    }

    /// <summary>An order for a gpu of the job <c>j</c>; a plan gives it all four shards of step 1.</summary>
    public static RankOrder Order(string gpu, string kind, IEnumerable<string> fields)
    {
        var order = new JsonObject
        {
            ["order"] = kind,
            ["job"] = "j",
            ["incarnation"] = 1,
            ["timeline"] = 0,
            ["generation"] = 1,
            ["gpu"] = gpu,
            ["rank"] = 0,
            ["firstStep"] = 1,
            ["firstStepShards"] = new JsonArray(new JsonObject { ["rank"] = 0, ["start"] = 0, ["count"] = 4 }),
            ["catchUp"] = "Initialize",
        };
        Fields.Put(order, fields);
        return order.Deserialize(MachinesJson.Default.RankOrder)!;
    }

    /// <summary>What a worker says of the job <c>j</c> and its first gpu; <c>steps=2..4</c> stands for their records.</summary>
    public static WorkerMessage Said(FakeWorker worker, string kind, IEnumerable<string> fields)
    {
        var said = new JsonObject
        {
            ["say"] = kind,
            ["job"] = "j",
            ["generation"] = 1,
            ["gpu"] = $"{worker.Node}/0",
            ["node"] = worker.Node.Value,
            ["accuser"] = worker.Node.Value,
            ["evidence"] = "ConnectionClosed",
            ["boot"] = worker.Session.Boot,
            ["timeline"] = 0,
            ["hasState"] = false,
            ["applied"] = 0,
            ["reduced"] = new JsonArray(),
            ["held"] = new JsonArray(),
            ["assigned"] = new JsonArray(),
            ["stateSha256"] = FakeRank.Sha256,
        };
        Fields.Put(said, fields);
        if (said["steps"] is JsonValue run)
        {
            var (first, last) = Fields.Run(run.ToString());
            var generation = said["generation"]!.GetValue<int>();
            said["steps"] = new JsonArray([.. Enumerable.Range((int)first, (int)(last - first) + 1).Select(step =>
                JsonSerializer.SerializeToNode(new StepRecord(step, generation, 1.0 / step, 1, 50, 16), MachinesJson.Default.StepRecord))]);
        }

        return said.Deserialize(MachinesJson.Default.WorkerMessage)!;
    }
}
