using System.Collections.Concurrent;
using Coordinator.Machines.Gangs;
using Coordinator.Worker.Processes;

namespace Coordinator.Worker.Gangs;

/// <summary>What a worker needs to run gangs.</summary>
/// <param name="Launcher">Starts programs.</param>
/// <param name="Folders">Where their logs and folders lie.</param>
public sealed record GangServices(ProgramLauncher Launcher, ProgramFolders Folders)
{
    /// <summary>Writes a bundle to a stream. Its hash is checked by who asks.</summary>
    public required Func<GangBundle, Stream, CancellationToken, Task> FetchBundle { get; init; }

    /// <summary>
    /// Whose turn it is to bring a bundle, by its hash: a generation that was given up may still be at it when the next one begins, and
    /// gangs may have the same bundle.
    /// </summary>
    internal ConcurrentDictionary<string, SemaphoreSlim> BundleTurns { get; } = new(StringComparer.Ordinal);

    /// <summary>The environment of which programs may inherit a part.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [.. ProgramEnvironment.OfThisProcess()];
}
