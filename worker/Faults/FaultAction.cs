namespace Coordinator.Worker.Faults;

/// <summary>What a planned fault does. Written in lower case before the <c>@</c> of a fault rule.</summary>
public enum FaultAction
{
    /// <summary>SIGKILL to the own process: no cleaning up, no farewell.</summary>
    Kill,

    /// <summary>SIGSTOP to the own process, and SIGCONT after the rule's duration.</summary>
    Freeze,

    /// <summary>One bit of one gradient element is flipped; only at <see cref="FaultPoint.Contribution"/>.</summary>
    Flip,

    /// <summary>
    /// The rank's device is lost, as by a sticky error; only at <see cref="FaultPoint.Compute"/> and <see cref="FaultPoint.Apply"/>.
    /// </summary>
    Lose,

    /// <summary>
    /// The device does not begin a step at or after the number before a file is there, as a kernel that takes its time; only at
    /// <see cref="FaultPoint.Compute"/>.
    /// </summary>
    Hold,

    /// <summary>
    /// The device's call never ends, and cannot be ended; only at <see cref="FaultPoint.Compute"/> and <see cref="FaultPoint.Apply"/>.
    /// </summary>
    Hang,
}
