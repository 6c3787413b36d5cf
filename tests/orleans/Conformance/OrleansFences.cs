namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>What stands between Orleans as we host it and a broken rule; a test takes one of them down.</summary>
[Flags]
internal enum OrleansFences
{
    /// <summary>All stand.</summary>
    None = 0,

    /// <summary>ETags and incarnations are not compared.</summary>
    RefusesNobody = 1,

    /// <summary>Writes are acknowledged before they are durable.</summary>
    AcknowledgesEarly = 2,

    /// <summary>A state that was written without an acknowledgement is found there under another writer's name.</summary>
    ForgetsWriters = 4,

    /// <summary>Events and steps are not stored.</summary>
    StoresNoObservations = 8,

    /// <summary>Steps are stored as often as they are reported.</summary>
    StoresStepsAgain = 16,

    /// <summary>States are not read.</summary>
    LoadsNothing = 32,

    /// <summary>Grain timers do not fire.</summary>
    WakesNobody = 64,

    /// <summary>No message between grains arrives.</summary>
    CarriesNothing = 128,

    /// <summary>Workers are told everything twice.</summary>
    SendsTwice = 256,
}
