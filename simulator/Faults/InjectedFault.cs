namespace Coordinator.Simulator.Faults;

/// <summary>What the injector does to the world.</summary>
internal enum InjectedFault
{
    /// <summary>SIGKILL of a worker; it comes back later with an empty memory.</summary>
    WorkerCrash,

    /// <summary>Two workers at once.</summary>
    TwoCrashes,

    /// <summary>All workers at once: the state is lost. In a few seeds only.</summary>
    AllWorkersKilled,

    /// <summary>SIGTERM to a worker.</summary>
    Leave,

    /// <summary>A rank's device or program fails.</summary>
    DeviceFault,

    /// <summary>A worker's process stops for a while, and thaws.</summary>
    WorkerFreeze,

    /// <summary>A gpu takes several times as long for a while.</summary>
    SlowRank,

    /// <summary>A worker's clock runs at half to double speed for a while.</summary>
    WorkerClockDrift,

    /// <summary>SIGKILL of the silo; its machine's cache outlives it.</summary>
    SiloCrash,

    /// <summary>The silo's process stops for a while, and thaws.</summary>
    SiloFreeze,

    /// <summary>The silo's clock runs at half to double speed for a while.</summary>
    SiloClockDrift,

    /// <summary>One activation of a grain is thrown away and loaded again.</summary>
    GrainReload,

    /// <summary>The silo's machine loses its power with writes not yet synced: they are gone.</summary>
    UnsyncedLost,

    /// <summary>The same, and the journal ends within a record.</summary>
    UnsyncedTorn,

    /// <summary>The same, and a bit of the unsynced part is wrong.</summary>
    UnsyncedCorrupted,

    /// <summary>Storage does not answer for a while.</summary>
    StorageAway,

    /// <summary>A write is made, and its acknowledgement lost.</summary>
    AcknowledgementLost,

    /// <summary>A write is neither made nor answered.</summary>
    WriteLost,

    /// <summary>Nothing gets from one worker to another for a while; the other way it does.</summary>
    CutWorkersOneWay,

    /// <summary>Nothing gets from one worker to another for a while, nor back.</summary>
    CutWorkersBothWays,

    /// <summary>Nothing gets from the silo to a worker for a while.</summary>
    CutFromSilo,

    /// <summary>Nothing gets from a worker to the silo for a while.</summary>
    CutToSilo,

    /// <summary>Neither way.</summary>
    CutSiloBothWays,

    /// <summary>A data-plane connection is reset.</summary>
    ConnectionReset,

    /// <summary>A data-plane frame arrives with a wrong bit.</summary>
    CorruptFrame,

    /// <summary>All that a worker sends and receives takes many times as long for a while.</summary>
    SlowNetwork,

    /// <summary>Many messages between grains are lost for a while.</summary>
    MessagesLost,

    /// <summary>Many messages between grains come twice for a while.</summary>
    MessagesRepeated,

    /// <summary>Many messages between grains are overtaken by later ones for a while.</summary>
    MessagesReordered,

    /// <summary>
    /// The device of a rank fails that is released and keeps its state for a quick return, or whose device still writes it. Staged.
    /// </summary>
    IdleDeviceFault,

    /// <summary>A question comes to a rank whose device initialises, loads or applies. Staged.</summary>
    QuestionWhileWriting,

    /// <summary>The device fails that initialises, loads or applies while a question waits for it. Staged.</summary>
    DeviceFaultWhileAsked,

    /// <summary>
    /// All workers but one that is frozen die, the job goes back to a checkpoint on a new timeline, and before that is as far as the
    /// frozen one was, it thaws. Staged.
    /// </summary>
    OldTimelineThaws,

    /// <summary>No fault, but it meets those that strike meanwhile: operators drain a node. In some seeds only.</summary>
    DrainNode,

    /// <summary>Operators drain one gpu of a node.</summary>
    DrainGpu,

    /// <summary>Operators give back what they have drained.</summary>
    Uncordon,
}
