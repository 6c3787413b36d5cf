using System.CommandLine;
using System.Net;
using Coordinator.Cli.Configuration;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Server.Client;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Data;

namespace Coordinator.Cli.Commands;

/// <summary>The command line as a whole: its commands, and what its exit codes mean.</summary>
public static class CommandLine
{
    /// <summary>All commands.</summary>
    public static RootCommand Create() => new(
        "Trains models on many workers so that the result is bit for bit the same whatever fails.")
    {
        DemoCommand.Create(),
        ChaosCommand.Create(),
        SwarmCommand.Create(),
        TrainCommand.Create(),
        DownloadCommand.Create(),
        GenerateCommand.Create(),
        StatusCommand.Create(),
        HealthCommand.Create(),
        JobsCommand.Create(),
        DescribeCommand.Create(),
        EventsCommand.Create(),
        StepsCommand.Create(),
        NodesCommand.Create(),
        GpusCommand.Create(),
        PowerCommand.Create(),
        CoolingCommand.Create(),
        DevicesCommand.Create(),
        CancelCommand.Create(),
        ResumeCommand.Create(),
        CheckpointCommand.Create(),
        SiloCommand.Create(),
        WorkerCommand.Create(),
        SimulateCommand.Create(),
    };

    /// <summary>Runs a command.</summary>
    /// <returns>The exit code, one of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var parsed = Create().Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            var names = string.Join(' ', Names(parsed));
            return Complain(ExitCodes.Usage, string.Join(Environment.NewLine, parsed.Errors.Select(error => error.Message)), $"See '{names} --help'.");
        }

        try
        {
            // Signals are the commands' own: each must end its processes and files in order.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (CommandException wrong)
        {
            return Complain(wrong.ExitCode, wrong.Message, wrong.Remedy);
        }
        catch (ClusterException failed)
        {
            return Complain(failed.Failure.ExitCode, failed.Failure.Message, failed.Failure.Remedy);
        }
        catch (CoordinatorApiException refused)
        {
            return Complain(CodeOf(refused), refused.Message, refused.Remedy);
        }
        catch (ConfigurationException wrong)
        {
            return Complain(ExitCodes.Usage, wrong.Message);
        }
        catch (DataException wrong)
        {
            return Complain(ExitCodes.Usage, wrong.Message);
        }
        catch (SafeTensorsException wrong)
        {
            return Complain(ExitCodes.Usage, wrong.Message);
        }
    }

    /// <summary>Prints an error and what to do about it to standard error.</summary>
    /// <returns><paramref name="exitCode"/>.</returns>
    public static int Complain(int exitCode, string message, string? remedy = null)
    {
        Console.Error.WriteLine($"error: {message}");
        if (remedy is not null)
            Console.Error.WriteLine(remedy);
        return exitCode;
    }

    private static int CodeOf(CoordinatorApiException refused) => refused.Status switch
    {
        null or HttpStatusCode.NotFound or HttpStatusCode.ServiceUnavailable => ExitCodes.NotFound,
        HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCodes.Usage,
        _ => ExitCodes.RunFailed,
    };

    private static IEnumerable<string> Names(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (var command = parsed.CommandResult; command is not null; command = command.Parent as System.CommandLine.Parsing.CommandResult)
            names.Push(command.Command is RootCommand ? "coordinator" : command.Command.Name);
        return names;
    }
}
