using Microsoft.Extensions.Logging;

namespace Coordinator.Cli.Silo;

/// <summary>Logs go to standard error: standard output belongs to the commands' results.</summary>
public static class SiloLogging
{
    /// <summary>
    /// One line a record, in UTC. The web server's own records come from warnings on; that a server cannot start is said
    /// by the command that starts it, in words for people.
    /// </summary>
    public static ILoggerFactory ToStandardError(LogLevel lowest = LogLevel.Information) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(lowest)
        .AddFilter("Microsoft", lowest > LogLevel.Warning ? lowest : LogLevel.Warning)
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
        .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
        .AddSimpleConsole(line =>
        {
            line.SingleLine = true;
            line.UseUtcTimestamp = true;
            line.TimestampFormat = "HH:mm:ss.fff ";
            line.ColorBehavior = Console.IsErrorRedirected ? Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled : Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Default;
        }));
}
