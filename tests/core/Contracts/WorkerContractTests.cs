using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Coordinator.Server.Gateway;

namespace Coordinator.Tests.Contracts;

/// <summary>
/// Workers and silos of two builds speak to each other while one of them is replaced after the other, as long as
/// <see cref="Hello.CurrentProtocol"/> is the same. What one does not say reads as null or zero at the other, so a further member must mean
/// nothing by null or zero.
/// </summary>
public sealed class WorkerContractTests
{
    private const string Node = "\"node\":\"a\"";
    private const string Session = "\"session\":{\"boot\":1,\"connection\":1}";
    private const string Address = "\"dataAddress\":\"127.0.0.1:7071\"";
    private const string Gpus = "\"gpus\":[{\"index\":0,\"name\":\"cpu\",\"deviceClass\":\"cpu-x64-k1\",\"device\":\"cpu\"}]";

    /// <summary>Members that each worker and each silo of this protocol version has said from its beginning.</summary>
    private static readonly string[] OfProtocol =
    [
        "CheckpointSpec.Interval", "CheckpointSpec.KeepLatest", "CheckpointSpec.RestoreAfter",
        "CollectiveSpec.BlockElements", "CollectiveSpec.WindowBlocks",
        "DataSpec.Encoding", "DataSpec.Sha256",
        "FaultToleranceSpec.AnswerTimeout", "FaultToleranceSpec.GatherDelay", "FaultToleranceSpec.PeerTimeout",
        "FaultToleranceSpec.ProgressTimeout", "FaultToleranceSpec.StartTimeout", "FaultToleranceSpec.StateTimeout",
        "GangExit.Error", "GangExit.LastLines",
        "GangOrder.Reason",
        "GangReport.Detail", "GangReport.Ranks",
        "GangSpec.Alone", "GangSpec.Command", "GangSpec.DeviceClass", "GangSpec.Environment", "GangSpec.GpusPerNode",
        "GangSpec.Grace", "GangSpec.Lease", "GangSpec.MaxNodes", "GangSpec.MinNodes", "GangSpec.Name", "GangSpec.NodeFailures",
        "GangSpec.ProgressTime", "GangSpec.Restarts", "GangSpec.WorkFolder",
        "GpuReading.HostBoot", "GpuReading.Xids",
        "Hello.Protocol",
        "InitialSpec.Sha256",
        "JobSpec.Checkpoint", "JobSpec.Collective", "JobSpec.Data", "JobSpec.DeviceClass", "JobSpec.FaultTolerance",
        "JobSpec.MinRanks", "JobSpec.Model", "JobSpec.Name", "JobSpec.Optimizer", "JobSpec.Ranks", "JobSpec.Secret",
        "JobSpec.Training",
        "LogRead.Bytes",
        "MembershipChange.Added", "MembershipChange.Removed",
        "ModelSpec.Block", "ModelSpec.Channels", "ModelSpec.Heads", "ModelSpec.Layers", "ModelSpec.Program", "ModelSpec.Vocab",
        "OptimizerSpec.Beta1", "OptimizerSpec.Beta2", "OptimizerSpec.Epsilon", "OptimizerSpec.GradientClip",
        "OptimizerSpec.LearningRate", "OptimizerSpec.MinLearningRate", "OptimizerSpec.WarmupSteps", "OptimizerSpec.WeightDecay",
        "PeerAccused.Detail",
        "ProgramSpec.Arguments", "ProgramSpec.CheckEvery", "ProgramSpec.Entry", "ProgramSpec.HangTimeout", "ProgramSpec.Python",
        "ProgramSpec.Sha256", "ProgramSpec.StartTimeout", "ProgramSpec.Threads", "ProgramSpec.WarmUpShards",
        "RankPlan.Device", "RankPlan.DeviceClass", "RankPlan.Donors", "RankPlan.FirstStepShards",
        "RankPreparing.What",
        "RankState.Assigned", "RankState.Held", "RankState.Reduced",
        "ReleaseRank.Reason",
        "TrainingSpec.BatchSize", "TrainingSpec.MicroBatch", "TrainingSpec.Seed", "TrainingSpec.Shards", "TrainingSpec.Steps",
    ];

    private static string Protocol => $"\"protocol\":{Hello.CurrentProtocol}";

    [Fact]
    public void A_worker_that_does_not_know_a_further_number_is_let_in()
    {
        var (hello, fault) = Read(Protocol, Node, Session, Address, Gpus);

        Assert.Null(fault);
        Assert.Equal((0, 0L), (hello!.ProcessId, Assert.Single(hello.Gpus).MemoryBytes));
    }

    [Theory]
    [InlineData("protocol")]
    [InlineData("node")]
    [InlineData("session")]
    [InlineData("dataAddress")]
    [InlineData("gpus")]
    public void What_every_worker_says_must_be_there(string missing)
    {
        string[] all = [Protocol, Node, Session, Address, Gpus];
        var (hello, fault) = Read([.. all.Where(member => !member.StartsWith($"\"{missing}\"", StringComparison.Ordinal))]);

        Assert.Null(hello);
        Assert.NotNull(fault);
    }

    [Fact]
    public void Further_members_of_what_workers_and_silos_say_are_null_or_zero_where_nothing_is_said()
    {
        var said = Reachable(typeof(WorkerMessage), typeof(CoordinatorMessage));
        var found = said.SelectMany(Wrong).Order(StringComparer.Ordinal).ToArray();

        Assert.True(
            OfProtocol.SequenceEqual(found),
            $"Of an older build these read as null or zero, and mean something else: {string.Join(' ', found.Except(OfProtocol))}. "
            + $"These are no more as they were: {string.Join(' ', OfProtocol.Except(found))}.");
    }

    private static (Hello? Hello, CloseReason? Fault) Read(params string[] members) =>
        WorkerFrames.ReadHello(System.Text.Encoding.UTF8.GetBytes($"{{\"say\":\"hello\",{string.Join(',', members)}}}"));

    private static IEnumerable<string> Wrong(Type type)
    {
        if (type.IsAbstract || type.GetMethod("<Clone>$") is null)
            yield break;
        var blank = RuntimeHelpers.GetUninitializedObject(type);
        var constructor = type.GetConstructors()[0];
        var initial = constructor.Invoke([.. constructor.GetParameters().Select(parameter => Nothing(parameter.ParameterType))]);
        var positional = constructor.GetParameters().Select(parameter => parameter.Name).ToHashSet();
        var further = Members(type)
            .Where(member => !positional.Contains(member.Name) && member.GetCustomAttribute<RequiredMemberAttribute>() is null);
        foreach (var member in further.Where(member => !Equals(member.GetValue(initial), member.GetValue(blank))))
            yield return $"{type.Name}.{member.Name}";
    }

    private static object? Nothing(Type type) => type.IsValueType ? Activator.CreateInstance(type) : null;

    private static IEnumerable<PropertyInfo> Members(Type type) => type.GetProperties().Where(member =>
        member.SetMethod is not null && member.GetCustomAttribute<JsonIgnoreAttribute>() is not { Condition: JsonIgnoreCondition.Always });

    /// <summary>The records that a message is or holds.</summary>
    private static HashSet<Type> Reachable(params Type[] roots)
    {
        var reached = new HashSet<Type>();
        var open = new Queue<Type>(roots);
        while (open.TryDequeue(out var type))
        {
            foreach (var argument in type.GetGenericArguments())
                open.Enqueue(argument);
            if (type.Assembly != typeof(WorkerMessage).Assembly || type.IsEnum || !reached.Add(type))
                continue;
            foreach (var derived in type.GetCustomAttributes<JsonDerivedTypeAttribute>())
                open.Enqueue(derived.DerivedType);
            foreach (var member in type.GetProperties())
                open.Enqueue(member.PropertyType);
        }

        return reached;
    }
}
