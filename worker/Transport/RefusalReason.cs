namespace Coordinator.Worker.Transport;

/// <summary>Why an accepted connection was refused; one byte on the wire.</summary>
public enum RefusalReason : byte
{
    /// <summary>Not refused.</summary>
    None = 0,

    /// <summary>It speaks another version of the handshake, or none.</summary>
    Malformed = 1,

    /// <summary>It is of a generation that is over here.</summary>
    OlderGeneration = 2,

    /// <summary>Its generation did not become known here within the hold.</summary>
    UnknownGeneration = 3,

    /// <summary>It does not know the generation's key.</summary>
    WrongKey = 4,

    /// <summary>It says that it is a worker which the generation does not have, or which does not dial.</summary>
    NotExpected = 5,

    /// <summary>It looks for another node than this one.</summary>
    WrongNode = 6,

    /// <summary>The pair has, or had, its connection of this generation.</summary>
    Repeated = 7,

    /// <summary>It took too long.</summary>
    TimedOut = 8,

    /// <summary>It had to make room before it had proved itself. A peer comes again.</summary>
    Busy = 9,

    /// <summary>It is this worker itself, which dialled its own address to see where that leads.</summary>
    Self = 10,
}
