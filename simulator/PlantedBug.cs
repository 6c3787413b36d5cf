namespace Coordinator.Simulator;

/// <summary>Bugs that the simulated hosts can have on purpose. Each must be caught by an invariant, not by a timeout.</summary>
public enum PlantedBug
{
    /// <summary>None.</summary>
    None,

    /// <summary>The silo lets sends leave while the persist before them is still on its way.</summary>
    SendBeforePersist,

    /// <summary>The silo takes a write for durable that a crash then loses.</summary>
    UnsyncedPersist,

    /// <summary>The disk writes a state over one that another writer has made durable meanwhile.</summary>
    WriteOverAnother,

    /// <summary>The worker delivers contributions that were kept from the step before, tagged as if they were of this one.</summary>
    StaleContribution,

    /// <summary>The worker delivers contributions of an older generation, tagged as if they were of the present one.</summary>
    OlderGenerationContribution,

    /// <summary>One bit of one contribution is flipped after its checksum was made.</summary>
    FlippedContribution,

    /// <summary>A donor serves one block of the state as it was a step before.</summary>
    StateOfTwoSteps,

    /// <summary>The store does not notice that it knows a step already.</summary>
    StepRecordedTwice,

    /// <summary>The store drops a step.</summary>
    StepNotRecorded,

    /// <summary>A worker computes a shard that no plan asked for.</summary>
    ComputeWithoutPlan,

    /// <summary>A rank frees a finished partial sum after it has promised to keep it.</summary>
    PromiseBroken,

    /// <summary>The optimizer starts before the last block of the reduced gradient is there.</summary>
    AppliedEarly,

    /// <summary>A block of the reduced gradient is overwritten as soon as somebody contributes to its next step.</summary>
    ReducedOverwrittenEarly,

    /// <summary>An owner adds up the parts of a block in the order in which they came.</summary>
    SumInOrderOfArrival,

    /// <summary>
    /// Grain, worker and rank take a question of a job's earlier activation or generation, overtaken on its way, for the newest.
    /// </summary>
    StaleIncarnationObeyed,

    /// <summary>A rank takes the new generation's cut for the interrupted step already.</summary>
    RecutInInterruptedStep,

    /// <summary>A worker accuses again, in a new generation, whom it had accused in the one before.</summary>
    AccusationKept,

    /// <summary>A worker that is asked to end does so at once, be it the last with the state.</summary>
    LastRankLeavesEarly,

    /// <summary>
    /// A worker that was asked to end does so once its ranks are released, be the generation without it one that never runs.
    /// </summary>
    EndsOnceReleased,

    /// <summary>The disk takes a write that is asked for again, since its acknowledgement was lost, for another writer's.</summary>
    OwnWriteTakenForConflict,

    /// <summary>A worker applies a change of membership again when it comes twice.</summary>
    DeltaAppliedTwice,

    /// <summary>The final model is brought to the store from a state that lacks the last step.</summary>
    ModelOfEarlierStep,

    /// <summary>The job assigns the interrupted step anew, each rank's shards to the next one, be they computed or not.</summary>
    HeldWorkDealtAway,

    /// <summary>A rank that has lost its state offers the blocks of R that came with it.</summary>
    OldTagsOffered,

    /// <summary>A rank that has lost its state offers the subtrees that it held of the next step.</summary>
    OldSubtreesOffered,

    /// <summary>A rank that has lost its state offers to compute the shards that it had been given.</summary>
    OldShardsOffered,

    /// <summary>A rank says that it has no state while its device makes or loads one.</summary>
    AnsweredWhileInitialising,

    /// <summary>A rank says where it stands while its optimizer runs.</summary>
    AnsweredWhileApplying,

    /// <summary>A rank forgets, once, the question that waited until its device had written the state.</summary>
    OwedAnswerForgotten,

    /// <summary>A rank reports a fault when it is given a plan, though its device works.</summary>
    FaultInvented,

    /// <summary>A rank goes on saying what its device was doing when that failed.</summary>
    StaleActivity,

    /// <summary>A rank does not give back the payload of a reduced block that it has stored.</summary>
    StoredPayloadKept,

    /// <summary>A job that was loaded anew takes an offer that the cluster made for its earlier activation.</summary>
    StaleOfferTaken,

    /// <summary>A job lets a drained gpu go as soon as the generation without it is formed, and not when that runs.</summary>
    DrainedLetGoEarly,

    /// <summary>A cluster that is loaded anew has forgotten what was drained.</summary>
    DrainsForgotten,

    /// <summary>A rank does not give back what was contributed to it in a generation that has ended.</summary>
    StagingKept,
}
