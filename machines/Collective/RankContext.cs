namespace Coordinator.Machines;

/// <summary>
/// What all parts of a rank's machine share: which generation the rank obeys or has promised to obey, its place there, and the turn that is
/// being handled. Outputs leave in the order in which the parts ask for them.
/// </summary>
internal sealed class RankContext(RankOptions options)
{
    private readonly ulong jobTag = RankMachine.TagOf(options.Job);
    private List<RankOutput> outputs = [];

    /// <summary>What the machine was made with.</summary>
    public RankOptions Options => options;

    /// <summary>Time of the turn.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Highest incarnation of the job that was obeyed.</summary>
    public long Incarnation { get; set; }

    /// <summary>Timeline of the generation.</summary>
    public int Timeline { get; set; }

    /// <summary>Generation obeyed or promised last; 0: none.</summary>
    public long Generation { get; private set; }

    /// <summary>Its members; null: the rank is none.</summary>
    public Membership? Members { get; private set; }

    /// <summary>The rank's number there.</summary>
    public int Rank { get; private set; }

    /// <summary>Ranks of the generation.</summary>
    public int RankCount => Members!.Members.Count;

    /// <summary>A turn begins.</summary>
    public void BeginTurn(TimeSpan now, List<RankOutput> into) => (Now, outputs) = (now, into);

    /// <summary>The rank is a member of a generation from now on.</summary>
    public void Enter(Membership members, int rank) => (Generation, Members, Rank) = (members.Generation, members, rank);

    /// <summary>The rank is no member any more.</summary>
    public void EnterNone(long generation) => (Generation, Members) = (generation, null);

    /// <summary>Asks the host for something.</summary>
    public void Do(RankOutput output) => outputs.Add(output);

    /// <summary>Says something to the job.</summary>
    public void Tell(JobReport report) => outputs.Add(new TellJob(report));

    /// <summary>Gives a payload back to the host: nothing more is made of it.</summary>
    public void Release(long payload) => outputs.Add(new ReleasePayload(payload));

    /// <summary>Sends a frame without payload.</summary>
    public void Send(FrameHeader header) => outputs.Add(new SendFrame(header, PayloadSource.None));

    /// <summary>First block of R of a rank's slice.</summary>
    public int SliceStart(int of) => SliceMap.Start(options.ReducedBlocks, RankCount, of);

    /// <summary>A frame's header in the generation.</summary>
    public FrameHeader Header(FrameKind kind, int to, long step) => new()
    {
        Kind = kind,
        JobTag = jobTag,
        Incarnation = Incarnation,
        Timeline = Timeline,
        Generation = Generation,
        From = Rank,
        To = to,
        Step = step,
    };

    /// <summary>Whether a frame is for this rank, from a member of its generation.</summary>
    public bool Concerns(FrameHeader header) =>
        header.JobTag == jobTag && header.Generation == Generation && header.To == Rank && Members is not null && header.From < RankCount;
}
