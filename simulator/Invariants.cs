namespace Coordinator.Simulator;

/// <summary>Names of the invariants, as they appear in reports.</summary>
public static class Invariants
{
    /// <summary>
    /// The ledger that is made of the stored events and steps closes: each rank-second has one cause, each step counts once, and each rank
    /// that failed belongs to an incident.
    /// </summary>
    public const string LedgerCloses = "ledger-closes";

    /// <summary>No output leaves a grain before every persist of the same grain that precedes it is durable.</summary>
    public const string PersistBeforeSend = "persist-before-send";

    /// <summary>A write that was acknowledged is found when the journal is read again, however its machine died.</summary>
    public const string AcknowledgedIsDurable = "acknowledged-is-durable";

    /// <summary>A write that is asked for again since its acknowledgement was lost is recognised as one's own.</summary>
    public const string OwnWriteIsNoConflict = "own-write-is-no-conflict";

    /// <summary>Writes of a grain ascend by (incarnation, sequence), and no two activations share an incarnation.</summary>
    public const string WritesAscend = "writes-ascend";

    /// <summary>A generation number stands for one membership for ever.</summary>
    public const string OneMembershipPerGeneration = "one-membership-per-generation";

    /// <summary>
    /// No rank applies a step in a generation beyond the one that a member which left for a newer generation could have contributed to.
    /// </summary>
    public const string GenerationOvertaken = "generation-overtaken";

    /// <summary>
    /// A device computes, applies or initialises only under a plan of its rank's present generation, and only what the plan gives it.
    /// </summary>
    public const string PlanIsAuthority = "plan-is-authority";

    /// <summary>The plans of a generation agree with each other, and its first step's shards cover all shards once.</summary>
    public const string PlansAgree = "plans-agree";

    /// <summary>A rank does nothing at an order of a lower incarnation or generation than one that it has obeyed.</summary>
    public const string StaleOrderRefused = "stale-order-refused";

    /// <summary>The membership that a worker goes by is the one that the job's chain of changes gives its generation.</summary>
    public const string MembershipIsChained = "membership-is-chained";

    /// <summary>An accusation rests on what its accuser met in the generation that it names.</summary>
    public const string AccusationsLapse = "accusations-lapse";

    /// <summary>
    /// A worker that was asked to end does so only when each of its ranks is released, and what it was given a plan for is of no more use.
    /// </summary>
    public const string LeavesReleased = "leaves-released";

    /// <summary>
    /// A rank that is let go, or whose worker ends because it was asked to, leaves somebody behind who holds the job's state.
    /// </summary>
    public const string LastStateStays = "last-state-stays";

    /// <summary>Between an answer and the next plan a rank applies nothing and overwrites neither P nor R.</summary>
    public const string PromiseKept = "promise-kept";

    /// <summary>
    /// What a rank answers (state, timeline, step, tags, subtrees, shards) is what its memory holds and its plan gave it.
    /// </summary>
    public const string AnswerIsTrue = "answer-is-true";

    /// <summary>A rank answers no question while its device writes the state, be it by initialising, by loading or by applying.</summary>
    public const string AnswerAwaitsWrite = "answer-awaits-write";

    /// <summary>
    /// A rank that has taken a question answers it at once, or where its device writes the state as soon as that has ended.
    /// </summary>
    public const string QuestionIsAnswered = "question-is-answered";

    /// <summary>A rank says that it initialises or applies while its device does, and only then.</summary>
    public const string ActivityIsTrue = "activity-is-true";

    /// <summary>
    /// Once a state is given up, nothing that came with it is held, offered or sent: neither tags nor subtrees nor shards.
    /// </summary>
    public const string DiscardedIsGone = "discarded-is-gone";

    /// <summary>
    /// What a survivor holds of the interrupted step is assigned to one who holds it, and is neither computed again nor dropped.
    /// </summary>
    public const string HeldWorkCounts = "held-work-counts";

    /// <summary>
    /// A rank reports a fault only where its device failed since it was last asked: no plan is one that it cannot follow.
    /// </summary>
    public const string FaultIsReal = "fault-is-real";

    /// <summary>Within a process life a rank's applied step rises by one at a time, or jumps by a fetched state, and never falls.</summary>
    public const string StepsAscend = "steps-ascend";

    /// <summary>Ranks that have applied the same step of the same timeline have the same state.</summary>
    public const string EqualStates = "equal-states";

    /// <summary>Every rank's state after step s is the serial run's.</summary>
    public const string StateIsSerial = "state-is-serial";

    /// <summary>Every block of the reduced gradient of step s is the serial run's.</summary>
    public const string ReducedIsSerial = "reduced-is-serial";

    /// <summary>Every part of a sum carries the sum's step and the owner's generation.</summary>
    public const string SumOfOneGeneration = "sum-of-one-generation";

    /// <summary>The parts of a sum cover all shards once.</summary>
    public const string SumIsComplete = "sum-is-complete";

    /// <summary>The optimizer runs only when every block of R carries its step, and nothing reads the state meanwhile.</summary>
    public const string WholeBeforeApply = "whole-before-apply";

    /// <summary>What a frame carries is not changed between the order to send it and its leaving.</summary>
    public const string SourceUnchanged = "source-unchanged";

    /// <summary>A machine asks only for what exists: payloads it was given, subtrees it holds.</summary>
    public const string HostContract = "host-contract";

    /// <summary>
    /// A rank holds no payload that nothing is made of: none of an ended generation, none once it is released or its device has failed, and
    /// under a plan only contributions to steps that it has not applied. So its memory does not grow.
    /// </summary>
    public const string PayloadsAreReleased = "payloads-are-released";

    /// <summary>Recorded steps ascend without gap, once each, and were applied by some rank.</summary>
    public const string RecordedOnce = "recorded-once";

    /// <summary>The final model and the hashes of the final states are the serial run's.</summary>
    public const string FinalModel = "final-model";

    /// <summary>Some time after the site's cap was lowered, where nothing fails, no more gpus run than it feeds, but one.</summary>
    public const string PowerCapHeld = "power-cap-held";

    /// <summary>What an operator was told is drained is offered to no job as one that is not, whatever dies meanwhile.</summary>
    public const string DrainIsDurable = "drain-is-durable";

    /// <summary>
    /// A drained gpu gets no rank: once the drain is done from nobody, and before that from no job to which an offer has come that says so.
    /// But a gpu that has left, and may hold the only state that there is, may be called back.
    /// </summary>
    public const string DrainedGetsNoRank = "drained-gets-no-rank";

    /// <summary>
    /// A gpu that leaves drained stays the job's own until every other rank has applied a step without it, or holds the state anyway.
    /// </summary>
    public const string DrainedStaysUntilHeld = "drained-stays-until-held";

    /// <summary>Where nothing fails, drains exclude no rank and cost no step that was applied.</summary>
    public const string DrainLosesNothing = "drain-loses-nothing";

    /// <summary>
    /// A drain comes to its end: within a bounded time where nothing fails and the job can do without, and else when the job has ended.
    /// </summary>
    public const string DrainEnds = "drain-ends";

    /// <summary>The job says itself that its ranks contradict each other, or ends without a model although state was there.</summary>
    public const string JobSound = "job-sound";

    /// <summary>After everything is healed the job ends within a bounded time; with all state lost it waits and says so.</summary>
    public const string Liveness = "liveness";

    /// <summary>A machine threw, which it does only where it is broken.</summary>
    public const string MachineThrew = "machine-threw";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        PersistBeforeSend,
        AcknowledgedIsDurable,
        OwnWriteIsNoConflict,
        WritesAscend,
        OneMembershipPerGeneration,
        GenerationOvertaken,
        PlanIsAuthority,
        PlansAgree,
        StaleOrderRefused,
        MembershipIsChained,
        AccusationsLapse,
        LeavesReleased,
        LastStateStays,
        PromiseKept,
        AnswerIsTrue,
        AnswerAwaitsWrite,
        QuestionIsAnswered,
        ActivityIsTrue,
        DiscardedIsGone,
        HeldWorkCounts,
        FaultIsReal,
        StepsAscend,
        EqualStates,
        StateIsSerial,
        ReducedIsSerial,
        SumOfOneGeneration,
        SumIsComplete,
        WholeBeforeApply,
        SourceUnchanged,
        HostContract,
        PayloadsAreReleased,
        RecordedOnce,
        LedgerCloses,
        FinalModel,
        PowerCapHeld,
        DrainIsDurable,
        DrainedGetsNoRank,
        DrainedStaysUntilHeld,
        DrainLosesNothing,
        DrainEnds,
        JobSound,
        Liveness,
        MachineThrew,
    ];
}
