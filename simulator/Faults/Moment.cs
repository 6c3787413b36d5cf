namespace Coordinator.Simulator.Faults;

/// <summary>Moments of the protocol at which a fault can strike exactly.</summary>
internal enum Moment
{
    PrepareReceived,
    Answered,
    PlanReceived,
    Released,
    StateSent,
    StateReceived,
    ContributionStaged,
    ApplyStarted,
    Applied,
    LastStepStarted,
    ModelUpload,
}
