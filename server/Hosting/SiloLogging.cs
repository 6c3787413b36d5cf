using Microsoft.Extensions.Logging;

namespace Coordinator.Server.Hosting;

/// <summary>Logs go to standard error: standard output belongs to the commands' results.</summary>
public static class SiloLogging
{
    /// <summary>One line a record, in UTC. The records of the web server and of Orleans come from warnings on.</summary>
    public static ILoggerFactory ToStandardError(LogLevel lowest = LogLevel.Information) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(lowest)
        .AddFilter("Microsoft", lowest > LogLevel.Warning ? lowest : LogLevel.Warning)
        .AddFilter("Polly", lowest > LogLevel.Warning ? lowest : LogLevel.Warning)
        .AddFilter("Orleans", lowest > LogLevel.Warning ? lowest : LogLevel.Warning)

        // A host that does not start throws, and the command says why in a line that people can act on.
        .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
        .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
        .AddSimpleConsole(line =>
        {
            line.SingleLine = true;
            line.UseUtcTimestamp = true;
            line.TimestampFormat = "HH:mm:ss.fff ";

            // Words of strangers are in it, and a record whose colours got through would let theirs through too.
            line.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
        }));
}
