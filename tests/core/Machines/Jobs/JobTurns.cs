using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>
/// What a part of a job's machine works with, without the machine: a record with members, and turns whose outputs the test looks at.
/// </summary>
internal sealed class JobTurns
{
    public static readonly JobId Job = new("job-1");

    private Outputs outputs = new();

    /// <summary>A job of one gpu on each of so many nodes, whose generation 3 is in force.</summary>
    public JobTurns(int members, Func<TrainingJobState, TrainingJobState>? with = null)
    {
        var state = new TrainingJobState
        {
            Spec = new JobSpec
            {
                Ranks = members,
                MinRanks = 1,
                Secret = Convert.ToBase64String(new byte[32]),
                Training = new TrainingSpec { Steps = 1000, Shards = 8 },
            },
            Incarnation = 1,
            Phase = JobPhase.Active,
            Generation = 3,
            Members = [.. Enumerable.Range(1, members).Select(MemberOn)],
            Planned = true,
            Started = true,
        };
        Context = new JobContext(Job, with?.Invoke(state) ?? state);
        Begin(TimeSpan.FromSeconds(10));
        Context.Activate();
    }

    public JobContext Context { get; }

    public NodeLinks Links { get; } = new();

    public StepRecords Records { get; } = new();

    /// <summary>What was asked for in this turn.</summary>
    public IReadOnlyList<Output> Outputs => outputs.Items;

    /// <summary>Orders for nodes that were sent in this turn.</summary>
    public IReadOnlyList<(string To, NodeOrders Orders)> Orders =>
        [.. outputs.Items.OfType<SendToGrain>().Where(sent => sent.Message is NodeOrders).Select(
            sent => (sent.To.Key, (NodeOrders)sent.Message))];

    public static NodeId Node(int node) => new($"n{node}");

    public static GpuId Gpu(int node) => new(Node(node), 0);

    public static Member MemberOn(int node) => new(Gpu(node), $"n{node}:7000", 5);

    public static WorkerSession Session(long boot = 5) => new(boot, 1);

    public static GpuOffer OfferOf(int node, long boot = 5) => new(Gpu(node), Session(boot), $"n{node}:7000", "c", "cpu", Up: true);

    public static RankState Answer(int node, long? applied, int timeline = 0) => new()
    {
        Job = Job,
        Generation = 3,
        Gpu = Gpu(node),
        Boot = 5,
        HasState = applied is not null,
        Timeline = timeline,
        Applied = applied ?? 0,
        RecordedThrough = 0,
        StateBlocks = 1,
    };

    /// <summary>The next turn begins so much later.</summary>
    public void Begin(TimeSpan later)
    {
        outputs = new Outputs();
        Context.BeginTurn(Context.Now + later, outputs, isDirty: false);
    }

    public void BeginSeconds(double later) => Begin(TimeSpan.FromSeconds(later));

    public void Connect(int node, bool connected = true, long boot = 5) =>
        Links.Note(Node(node), Session(boot), connected, silent: false, Context.Now);
}
