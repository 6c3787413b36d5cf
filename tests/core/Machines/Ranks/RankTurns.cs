using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>
/// What a part of a rank's machine works with, without the machine: a place in generation 3, and turns whose outputs the test looks at.
/// </summary>
internal sealed class RankTurns
{
    public static readonly JobId Job = new("j");

    private List<RankOutput> outputs = [];

    /// <summary>Rank <paramref name="rank"/> of ranks on a node each: n1, n2 and so on.</summary>
    public RankTurns(int ranks, int rank = 0, int blocks = 8)
    {
        Context = new RankContext(new RankOptions
        {
            Job = Job,
            Gpu = Gpu(rank),
            Boot = 5,
            Shards = 8,
            Steps = 100,
            ReducedBlocks = blocks,
            StateBlocks = 3,
            WindowBlocks = 2,
        });
        Context.Enter(
            Membership.None(Job).Apply(3, [], [.. Enumerable.Range(0, ranks).Select(of => new Member(Gpu(of), $"n{of}:1", 5))]), rank);
        Begin(TimeSpan.FromSeconds(1));
    }

    public RankContext Context { get; }

    /// <summary>What was asked for in this turn.</summary>
    public IReadOnlyList<RankOutput> Outputs => outputs;

    /// <summary>What was said to the job in this turn.</summary>
    public IReadOnlyList<WorkerMessage> Said => [.. outputs.OfType<TellJob>().Select(tell => tell.Message)];

    /// <summary>Frames of a kind that were sent in this turn: to whom, and which block.</summary>
    public IReadOnlyList<(int To, int Block)> Sent(FrameKind kind) =>
        [.. outputs.OfType<SendFrame>().Where(send => send.Header.Kind == kind).Select(send => (send.Header.To, send.Header.Block))];

    public static GpuId Gpu(int rank) => new(new NodeId($"n{rank + 1}"), 0);

    /// <summary>The next turn begins so much later.</summary>
    public void Begin(TimeSpan later)
    {
        outputs = [];
        Context.BeginTurn(Context.Now + later, outputs);
    }
}
