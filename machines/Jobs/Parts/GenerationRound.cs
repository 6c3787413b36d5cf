namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// The question of a new generation and its members' answers. An answer is a promise to change nothing that it says until the plan comes,
/// so what all have answered can be decided upon. A member is asked until it has answered; the round is open until the plan is made, or the
/// generation is given up.
/// </summary>
internal sealed class GenerationRound(JobContext context, NodeLinks links, StepRecords records, AskTimer timer)
{
    /// <summary>How long a member whose worker has lost its silo may leave the question unanswered.</summary>
    private static readonly TimeSpan LinkGrace = TimeSpan.FromMilliseconds(150);

    private static readonly TimeSpan RecordPatience = TimeSpan.FromSeconds(5);

    private SortedDictionary<GpuId, RankState>? answers;

    /// <summary>When the last answer came that was news, or the question itself left.</summary>
    private TimeSpan answeredAt;

    /// <summary>When the last record came that the plan waits for.</summary>
    private TimeSpan recordsCameAt;

    /// <summary>What nodes are sent of the membership.</summary>
    public MembershipDelivery Delivery { get; } = new(context);

    /// <summary>Whether members are being asked.</summary>
    public bool IsOpen => answers is not null;

    /// <summary>Whether it is open, and all have answered.</summary>
    public bool IsComplete => answers?.Count == context.State.Members.Count;

    /// <summary>Answers so far, by gpu; none where the round is closed.</summary>
    public IReadOnlyCollection<RankState> Answers => answers is null ? [] : answers.Values;

    /// <summary>When the question left first.</summary>
    public TimeSpan FormedAt { get; private set; }

    /// <summary>When the question is repeated, or the plans are; null: never.</summary>
    public TimeSpan? AskAt => timer.At;

    /// <summary>Timeline of the kept state that was chosen, whose record is being made complete; null: none.</summary>
    public int? Regaining { get; private set; }

    /// <summary>
    /// When a member that has not answered fails: the answer timeout after the question and the time in which all answers come, and never
    /// sooner than the answer timeout after the last answer that came. While others' answers still arrive, one that is missing is late, as
    /// they are, and to fail it would begin everything anew.
    /// </summary>
    private TimeSpan AnswersDue => JobPace.Later(FormedAt + Arrival, answeredAt) + context.State.Spec.FaultTolerance.AnswerTimeout;

    private TimeSpan Arrival => JobPace.Arrival(context.State.Members.Count);

    /// <summary>Asks the members of a generation that has just formed.</summary>
    public void Begin()
    {
        answers = [];
        Regaining = null;
        FormedAt = answeredAt = context.Now;
        timer.Reset();
        AskMissing();
    }

    /// <summary>The plan is made, or the generation is given up.</summary>
    public void Close() => answers = null;

    /// <summary>Whether a member has answered in this round.</summary>
    public bool HasAnswered(GpuId gpu) => answers!.ContainsKey(gpu);

    /// <summary>A member answers. False where it has already.</summary>
    public bool Add(RankState answer)
    {
        if (!answers!.TryAdd(answer.Gpu, answer))
            return false;
        answeredAt = context.Now;
        return true;
    }

    /// <summary>
    /// When a member that has not answered fails, by what is known of its node's connection, unless it says that it prepares.
    /// </summary>
    public TimeSpan DueBy(NodeLink? link)
    {
        if (IsCutOff(link))
            return JobPace.Later(link!.Since, FormedAt) + LinkGrace;

        // A job that was just loaded waits for workers to find their way to the new silo, and asks them when they come.
        var tolerance = context.State.Spec.FaultTolerance;
        return JobPace.Later(AnswersDue,
            link is null ? context.ActivatedAt + Arrival + tolerance.ProgressTimeout : link.Since + tolerance.AnswerTimeout);
    }

    /// <summary>Whether a connection is known to have ended: then nothing that its worker said counts for more time.</summary>
    public static bool IsCutOff(NodeLink? link) => link is { Connected: false, Silent: false };

    /// <summary>Asks those that have not answered once more, where it is time.</summary>
    public void RepeatIfDue()
    {
        if (!timer.IsDue)
            return;
        timer.Repeat();
        AskMissing();
    }

    /// <summary>
    /// A node has come back, or lacks the membership: it is asked at once, and alone. The next question to all may be far off, and where
    /// thousands come back one after the other it would be far off for most.
    /// </summary>
    public void AskAgain(NodeId node)
    {
        Delivery.Renew(node);
        if (answers is not null)
            Send(context.MembersOn(node).Where(member => !answers.ContainsKey(member.Gpu)));
    }

    /// <summary>Members that have answered are to say what they began with entry by entry.</summary>
    public void AskInDetail(IReadOnlyCollection<GpuId> gpus) =>
        Send(context.State.Members.Where(member => gpus.Contains(member.Gpu)), isDetailed: true);

    /// <summary>
    /// All members have answered, and the plan waits for the record: the one that has just said some of it, and has applied more, is asked
    /// for the next at once. A question's period for each few hundred steps would take minutes where a silo was away for long.
    /// </summary>
    public void AskForMore(NodeId node, int timeline, long through)
    {
        if (!IsComplete)
            return;
        recordsCameAt = context.Now;
        Send(context.MembersOn(node)
            .Where(member => answers![member.Gpu] is { HasState: true } answer && answer.Timeline == timeline && answer.Applied > through));
    }

    /// <summary>
    /// All that any member has applied on the way to the state that was chosen is recorded; members say what they know before they answer.
    /// Where one of those that have applied the most can be reached, its word is only late, and is asked for again; else, after the answer
    /// timeout, the job goes on without, and the gap shows. What members know of another timeline is recorded only where it is needed, so
    /// they are asked for that at once. A member says some hundreds of steps at a time: while more come, the job waits, however many there
    /// are.
    /// </summary>
    /// <param name="timeline">Timeline of the state that was chosen.</param>
    /// <param name="through">Steps recorded of it.</param>
    public bool IsRecordComplete(int timeline, long through)
    {
        var holders = answers!.Values.Where(answer => answer.HasState && answer.Timeline == timeline && answer.Applied > through).ToArray();
        if (holders.Length == 0)
            return true;
        if (timeline != context.State.Timeline && Regaining != timeline)
        {
            Regaining = timeline;
            timer.Arm(TimeSpan.Zero);
        }

        var isLate = holders.Any(answer => context.MemberOf(answer.Gpu) is { } member && links.IsReachable(member));
        if (context.Now >= JobPace.Later(AnswersDue, isLate ? JobPace.Later(FormedAt, recordsCameAt) + RecordPatience : TimeSpan.Zero))
            return true;
        if (timer.IsDue)
            Ask(context.State.Members);
        return false;
    }

    /// <summary>Asks all members that have not answered, node by node.</summary>
    private void AskMissing() => Ask(context.State.Members.Where(member => !answers!.ContainsKey(member.Gpu)));

    private void Ask(IEnumerable<Member> some)
    {
        timer.Arm();
        Send(some);
    }

    private void Send(IEnumerable<Member> some, bool isDetailed = false)
    {
        var state = context.State;
        foreach (var node in some.GroupBy(member => member.Gpu.Node))
        {
            context.Send(GrainAddress.Of(node.Key), new NodeOrders(context.Id, state.Incarnation, Delivery.Take(node.Key, node),
            [
                .. node.Select(member => new PrepareRank
                {
                    Job = context.Id,
                    Incarnation = state.Incarnation,
                    Timeline = state.Timeline,
                    Generation = state.Generation,
                    Gpu = member.Gpu,
                    RecordedThrough = records.Through,
                    Detailed = isDetailed,
                }),
            ]));
        }
    }
}
