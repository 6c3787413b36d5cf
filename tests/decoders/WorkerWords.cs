using System.Globalization;
using System.Text;
using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Decoders;

/// <summary>Messages as workers send them, of every kind, about one job.</summary>
internal static class WorkerWords
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", ",", ":", "\"", "null", "-1", "0", "1e308", "\"NaN\"", "9223372036854775807", "-9223372036854775808",
            "2147483648", "true", "\"\"", "\\u0000", "\\ud800", "\\u001b[2J", "\\u202e", "\\n", "\\u009b", "{\"say\":\"heartbeat\",",
        "\"say\":\"", "\"job\":\"job\"", "\"generation\":", "\"gpu\":\"a/0\"", "\"gpu\":\"b/0\"", "\"node\":\"a\"", "\"node\":\"b\"",
        "\"applied\":", "\"boot\":",
        "\"say\":\"gang-report\",\"job\":\"gang\"", "\"phase\":\"Stopped\"", "\"exit\":{\"ageMs\":1}", "\"ranks\":[null]",
        "\"reduced\":[", "\"held\":[", "\"assigned\":[", "{\"start\":0,\"count\":2147483647}",
        "{\"start\":-1,\"size\":-1}", "{\"start\":0,\"count\":3,\"step\":9}",
    ];

    /// <summary>The gang that workers speak of beside the job.</summary>
    public static readonly JobId Gangs = new("gang");

    /// <summary>What mutations insert.</summary>
    public static IReadOnlyList<byte[]> Fragments { get; } = [.. Pieces.Select(Encoding.UTF8.GetBytes)];

    public static byte[] Bytes(WorkerMessage message) => JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.WorkerMessage);

    public static Hello Hello(Dice dice, NodeId node, WorkerSession session) => new()
    {
        Node = node,
        Session = session,
        DataAddress = "127.0.0.1:7000",
        ProcessId = dice.Below(100_000),
        Gpus = [.. Enumerable.Range(0, 1 + dice.Below(3)).Select(
            index => new GpuDescription(index, "cpu", "cpu-x64-k1", "cpu") { MemoryBytes = dice.Below(1000) })],
    };

    /// <summary>Anything that a worker may say later, around a step and a generation.</summary>
    public static WorkerMessage Any(Dice dice, NodeId node, WorkerSession session, JobId job, long generation, long applied, NodeId other)
    {
        var gpu = new GpuId(node, dice.Below(2));
        var step = Math.Max(1, applied + dice.Below(5) - 2);
        var id = new CheckpointId(0, step, Math.Max(1, generation));
        return dice.Below(22) switch
        {
            0 => Hello(dice, node, session),
            1 => new Heartbeat(
                dice.Below(1000),
                [.. Enumerable.Range(0, dice.Below(3)).Select(index => new RankPosition(index, job, generation, applied, "computing"))]),
            2 => new GpusMeasured([new GpuReading
            {
                Index = dice.Below(2), TemperatureC = 50, PowerWatts = 300, RecoveryAction = dice.Below(5), Xids = [dice.Below(150)],
            }]),
            3 or 4 => State(dice, job, generation, applied, gpu, session),
            5 => new PlanTaken { Job = job, Generation = generation, Gpu = gpu },
            6 => new RankAdvanced { Job = job, Generation = generation, Gpu = gpu, Step = step },
            7 => new PeerAccused
            {
                Job = job,
                Generation = generation,
                Accuser = node,
                Accused = dice.OneIn(2) ? other : node,
                Evidence = dice.Of(Enum.GetValues<Evidence>()),
                Detail = "closed",
            },
            8 => new RankFaulted { Job = job, Generation = generation, Gpu = gpu, Detail = "out of memory" },
            9 or 10 => new StepsApplied
            {
                Job = job,
                Generation = generation,
                Timeline = 0,
                Steps = [
                .. Enumerable.Range(0, dice.Below(4)).Select(i => new StepRecord(step + i, generation, 1.0 / (step + i), 1, 50, 16))
            ]
            },
            11 => new RankFinished { Job = job, Generation = generation, Gpu = gpu, Step = step, StateSha256 = new string('a', 64) },
            12 => new RankLeaving { Job = job, Generation = generation, Gpu = gpu, Reason = "asked" },
            13 => new RankReleased { Job = job, Generation = generation, Gpu = gpu },
            14 => new MembershipUnknown { Job = job, Generation = generation, Node = node },
            15 => new CheckpointPartSaved
            {
                Job = job,
                Generation = generation,
                Gpu = gpu,
                Checkpoint = id,
                Part = new CheckpointPart("part-00000-of-00002.safetensors", 500, new string('b', 64), 0, 100),
                SnapshotMs = 1,
                WriteMs = 2,
            },
            16 => new CheckpointSealed
            {
                Job = job,
                Generation = generation,
                Node = node,
                Checkpoint = id,
                ManifestSha256 = new string('c', 64),
            },
            17 or 18 or 19 => Gang(dice, generation),
            20 => new LogRead
            {
                Id = "q",
                Found = !dice.OneIn(3),
                Generation = generation,
                From = dice.Below(100),
                End = dice.Below(200),
                Bytes = dice.OneIn(4) ? "" : "bGluZQo=",
            },
            _ => dice.OneIn(2)
                ? new CheckpointFailed
                {
                    Job = job,
                    Generation = generation,
                    Node = node,
                    Checkpoint = id,
                    Detail = string.Create(CultureInfo.InvariantCulture, $"disk {dice.Below(9)}"),
                    Late = dice.OneIn(2),
                }
                : new CheckpointUnreadable { Job = job, Generation = generation, Gpu = gpu, Checkpoint = id, Detail = "damaged" },
        };
    }

    /// <summary>What the agent of a gang might say: of ranks that it has or has not, in every phase and out of turn.</summary>
    private static GangReport Gang(Dice dice, long generation) => new()
    {
        Job = Gangs,
        Generation = dice.OneIn(3) ? 1 : generation,
        Sequence = dice.Below(1000),
        Phase = dice.Of(Enum.GetValues<GangPhase>()),
        MasterPort = dice.OneIn(2) ? 0 : 29500,
        LeasePort = dice.Below(3) * 29600 / 2,
        Step = dice.Below(50),
        SilentMs = dice.Below(5000),
        Detail = dice.OneIn(3) ? "brings the bundle" : "",
        Ranks =
        [
            .. Enumerable.Range(dice.Below(2), dice.Below(3))
                .Select(rank => new GangRank(rank, dice.Below(2), dice.Below(2000), dice.OneIn(2) ? null : End(dice))),
        ],
    };

    private static GangExit End(Dice dice) => new(dice.OneIn(2) ? dice.Below(3) : null, dice.OneIn(2) ? 9 : null, dice.Below(3000))
    {
        Asked = dice.OneIn(3),
        Hung = dice.OneIn(5),
        PortTaken = dice.OneIn(5),
        Error = dice.OneIn(3) ? "out of memory" : "",
        LastLines = dice.OneIn(2) ? [] : ["Connection reset by peer", "bad sample"],
    };

    private static RankState State(Dice dice, JobId job, long generation, long applied, GpuId gpu, WorkerSession session) => new()
    {
        Job = job,
        Generation = generation,
        Gpu = gpu,
        Boot = session.Boot,
        HasState = !dice.OneIn(4),
        Timeline = 0,
        Applied = Math.Max(0, applied + dice.Below(3) - 1),
        RecordedThrough = dice.Below(10),
        StateBlocks = 9,
        Reduced = dice.OneIn(2) ? [] : [new TagRun(0, 2, applied), new TagRun(2, 1, applied + 1)],
        Held = dice.OneIn(2) ? [] : [new Subtree(4 * dice.Below(2), 4)],
        Assigned = dice.OneIn(2) ? [] : [new ShardSpan(0, 4), new ShardSpan(6, 2)],
    };
}
