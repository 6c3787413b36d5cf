namespace Coordinator.Simulator.Faults;

/// <summary>
/// How far the protocol is when a fault strikes: of the whole job where it is not running, else of the foremost rank of the worker
/// that the fault strikes or that gave it its cue.
/// </summary>
internal enum ProtocolPhase
{
    /// <summary>No generation can run: before the first one, or with too few members or without the state.</summary>
    Waiting,

    /// <summary>The silo's process is dead, or frozen.</summary>
    NoSilo,

    /// <summary>The job has decided on a generation that is not durable yet.</summary>
    Deciding,

    /// <summary>The generation is announced, and not every member has answered.</summary>
    Preparing,

    /// <summary>Answers are given and bind; the plan is being made, or on its way.</summary>
    Planning,

    /// <summary>Under its plan a rank's device makes the state of step 0.</summary>
    Initialising,

    /// <summary>Under its plan a rank fetches a state or blocks of R.</summary>
    CatchingUp,

    /// <summary>A device computes the gradient of a shard.</summary>
    Computing,

    /// <summary>All own shards are computed; contributions and blocks of R are under way.</summary>
    Collective,

    /// <summary>The optimizer runs.</summary>
    Applying,

    /// <summary>All steps are applied; the state is hashed, and the model brought to the store.</summary>
    Finishing,

    /// <summary>The worker has no rank in the generation: a spare, a newcomer, released, or its device has failed.</summary>
    Outside,
}
