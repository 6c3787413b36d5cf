namespace Coordinator.Simulator;

/// <summary>What becomes of a write.</summary>
internal enum WriteFate
{
    /// <summary>It takes effect and is acknowledged.</summary>
    Done,

    /// <summary>It takes effect, and its writer hears that it failed.</summary>
    AcknowledgementLost,

    /// <summary>It takes no effect, and its writer hears so.</summary>
    Refused,

    /// <summary>It waits.</summary>
    Held,
}
