namespace Coordinator.Server.Files;

/// <summary>How a try to store a file ended.</summary>
/// <param name="Kind">How.</param>
/// <param name="Bytes">Bytes received; for <see cref="FileOutcomeKind.TooLarge"/> the limit.</param>
/// <param name="Sha256">Hash of what was received, or for <see cref="FileOutcomeKind.Conflict"/> of what is stored.</param>
internal sealed record FileOutcome(FileOutcomeKind Kind, long Bytes, string Sha256);

/// <summary>Ways in which a try to store a file ends.</summary>
internal enum FileOutcomeKind
{
    /// <summary>It is durable now.</summary>
    Stored,

    /// <summary>It was stored before.</summary>
    Existed,

    /// <summary>It is durable now, in the place of a damaged copy.</summary>
    Repaired,

    /// <summary>What came is not what was announced.</summary>
    WrongHash,

    /// <summary>It exceeds the limit.</summary>
    TooLarge,

    /// <summary>Another file was stored under that name.</summary>
    Conflict,
}
