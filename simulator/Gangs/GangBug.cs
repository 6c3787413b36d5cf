namespace Coordinator.Simulator.Gangs;

/// <summary>Bugs that the simulated hosts of a gang can have on purpose. Each is caught by the invariant of its name.</summary>
public enum GangBug
{
    /// <summary>None.</summary>
    None,

    /// <summary>
    /// An agent does not kill what its lease lets run no more, until it is asked a second time: <see cref="GangInvariants.OneGeneration"/>.
    /// </summary>
    LeaseIgnored,

    /// <summary>An agent that was told to stop goes on answering its peers: <see cref="GangInvariants.OneGeneration"/>.</summary>
    AnswersTheExcluded,

    /// <summary>
    /// An agent takes the time at which an answer came, and not the one at which its question left:
    /// <see cref="GangInvariants.OneGeneration"/>.
    /// </summary>
    LeaseFromArrival,

    /// <summary>Programs outlive a worker that is killed: <see cref="GangInvariants.NoOrphan"/>.</summary>
    NoWatcher,

    /// <summary>
    /// A silo lets a gang's orders leave before its state is durable: <see cref="GangInvariants.SiloDisturbsNobody"/>, or
    /// <see cref="GangInvariants.OneGeneration"/>.
    /// </summary>
    OrderBeforePersist,

    /// <summary>
    /// An agent says that its processes have stopped when it has asked them to: <see cref="GangInvariants.OneGeneration"/>.
    /// </summary>
    StoppedWhenAsked,

    /// <summary>A cluster that is loaded anew has forgotten what was drained: <see cref="GangInvariants.DrainIsDurable"/>.</summary>
    DrainsForgotten,
}
