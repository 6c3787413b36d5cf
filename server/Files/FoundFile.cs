namespace Coordinator.Server.Files;

/// <summary>What a look for a stored file found.</summary>
/// <param name="Content">Its content, verified, for the taker to dispose of; null: there is none that may be served.</param>
/// <param name="Damage">What is wrong with what lies there, with its path; null: it is sound, or nothing lies there.</param>
/// <param name="IsAway">Whether nobody can say what lies there at the moment: its storage does not answer, or this user may not read
/// it.</param>
internal sealed record FoundFile(Stream? Content, string? Damage, bool IsAway = false);
