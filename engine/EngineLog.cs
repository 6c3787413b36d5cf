using Coordinator.Machines;
using Microsoft.Extensions.Logging;

namespace Coordinator.Engine;

internal static partial class EngineLog
{
    [LoggerMessage(1, LogLevel.Warning, "storage is away; {Waiting} outputs wait, next try in {DelayMs} ms")]
    public static partial void StorageAway(ILogger logger, int waiting, double delayMs, Exception exception);

    [LoggerMessage(2, LogLevel.Information, "storage is back after {Failures} failed tries")]
    public static partial void StorageBack(ILogger logger, int failures);

    [LoggerMessage(3, LogLevel.Warning, "{Grain} could not be loaded; its messages wait, next try in {DelayMs} ms")]
    public static partial void LoadFailed(ILogger logger, GrainAddress grain, double delayMs, Exception exception);

    [LoggerMessage(4, LogLevel.Warning, "{Grain} was refused by storage, which holds another writer's state; it is loaded again")]
    public static partial void Discarded(ILogger logger, GrainAddress grain);

    [LoggerMessage(5, LogLevel.Debug, "there is no grain {Grain}; its messages are dropped")]
    public static partial void NoSuchGrain(ILogger logger, GrainAddress grain);

    [LoggerMessage(6, LogLevel.Critical, "{Grain} broke an invariant while handling {Message}; the engine stops")]
    public static partial void Broken(ILogger logger, GrainAddress grain, string message, Exception exception);

    [LoggerMessage(7, LogLevel.Warning, "the engine stops with {Waiting} outputs not stored")]
    public static partial void StoppedUnstored(ILogger logger, int waiting);
}
