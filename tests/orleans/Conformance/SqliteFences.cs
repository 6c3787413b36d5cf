namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>What stands between the storage of a silo that is alone and a broken rule; a test takes one of them down.</summary>
internal enum SqliteFences
{
    /// <summary>All stand.</summary>
    None,

    /// <summary>A state is written whether or not the stored (incarnation, sequence) is below its own.</summary>
    ComparesNoStates,

    /// <summary>What an incarnation observed is stored although a higher one has spoken.</summary>
    ComparesNoObservers,

    /// <summary>A state may be durable before what its turn observed.</summary>
    StoresStatesFirst,

    /// <summary>A commit that comes again, since its acknowledgement was lost, is another commit.</summary>
    NumbersEachTry,

    /// <summary>Writes are acknowledged before they are durable.</summary>
    AcknowledgesEarly,

    /// <summary>What storage did not take is taken for stored.</summary>
    WaitsForNothing,

    /// <summary>What storage did not acknowledge is taken for refused.</summary>
    TakesAwayForRefused,

    /// <summary>Events and steps are not stored.</summary>
    StoresNoObservations,
}
