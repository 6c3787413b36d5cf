using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Data;

namespace Coordinator.Cli.Commands;

/// <summary>The command line as a whole: its commands, and what its exit codes mean.</summary>
public static class CommandLine
{
    /// <summary>Adds the place of a failure to its message, for those who look for a fault of the coordinator itself.</summary>
    private static readonly Option<bool> Debug = new("--debug")
    {
        Description = "Where a command fails, also print the failure's stack trace.",
        Recursive = true,
    };

    /// <summary>All commands.</summary>
    public static RootCommand Create() => new(
        "Trains models on many workers so that the result is bit for bit the same whatever fails.")
    {
        DemoCommand.Create(),
        ChaosCommand.Create(),
        SwarmCommand.Create(),
        TrainCommand.Create(),
        RunCommand.Create(),
        AttachCommand.Create(),
        LogsCommand.Create(),
        WaitCommand.Create(),
        VerifyCommand.Create(),
        NewCommand.Create(),
        GenerateCommand.Create(),
        StatusCommand.Create(),
        HealthCommand.Create(),
        JobsCommand.Create(),
        DescribeCommand.Create(),
        ExplainCommand.Create(),
        EventsCommand.Create(),
        StepsCommand.Create(),
        LedgerCommands.Goodput(),
        LedgerCommands.Report(),
        AlertsCommand.Create(),
        NodesCommand.Create(),
        GpusCommand.Create(),
        PowerCommand.Create(),
        CoolingCommand.Create(),
        DrainCommand.Create(),
        DrainCommand.CreateUncordon(),
        DevicesCommand.Create(),
        CancelCommand.Create(),
        ExtendCommand.Create(),
        DownloadCommand.Create(),
        ResumeCommand.Create(),
        CheckpointCommand.Create(),
        SiloCommand.Create(),
        OperatorCommands.Silos(),
        OperatorCommands.Grains(),
        OperatorCommands.Grain(),
        WorkerCommand.Create(),
        SimulateCommand.Create(),
        Debug,
    };

    /// <summary>Parses; '@FILE' is a file with a value here, and not one of further arguments.</summary>
    internal static ParseResult Parse(string[] arguments)
    {
        var root = Create();
        OptionValues.GuardAll(root);
        return root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
    }

    /// <summary>What is wrong with a command line, in a sentence; null: nothing, as far as reading it shows.</summary>
    internal static string? WhyRefused(string[] arguments) => TryParse(arguments, out _, out var complaint) ? null : complaint;

    /// <summary>
    /// Parses. The rules of options ask for values, and where a value is none of its type, asking throws what the parser would have said.
    /// </summary>
    private static bool TryParse(string[] arguments, [NotNullWhen(true)] out ParseResult? parsed, out string complaint)
    {
        parsed = null;
        try
        {
            parsed = Parse(arguments);
            complaint = parsed.Errors.Count > 0 ? ParserMessage.Of(parsed) : ParserMessage.OfUnmatched(parsed) ?? "";
            return complaint.Length == 0;
        }
        catch (InvalidOperationException unreadable) when (ParserMessage.OfUnreadable(unreadable.Message) is { } sentence)
        {
            complaint = sentence;
            return false;
        }
    }

    /// <summary>Runs a command.</summary>
    /// <returns>The exit code, one of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        try
        {
            if (!TryParse(arguments, out var parsed, out var complaint))
                return Complain(ExitCodes.Usage, complaint, $"See '{ParserMessage.NameOf(parsed?.CommandResult)} --help'.");

            // Signals are the commands' own: each must end its processes and files in order.
            return await parsed.InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception failed)
        {
            if (arguments.Contains(Debug.Name))
                Console.Error.WriteLine(failed);
            return Complain(FailureText.Innermost(failed));
        }
    }

    /// <summary>
    /// Says in a line what failed, and in another what to do: no failure of a command is a stack trace. A path may hold line ends, and what
    /// it says in a line of its own could pass for ours; only of job files several things are said at once.
    /// </summary>
    /// <returns>The exit code that follows.</returns>
    private static int Complain(Exception failed) => failed switch
    {
        CommandException wrong => Complain(wrong.ExitCode, PlainText.Line(wrong.Message), wrong.Remedy),
        ClusterException down => Complain(down.Failure.ExitCode, PlainText.Line(down.Failure.Message), down.Failure.Remedy),
        CoordinatorApiException refused => Complain(CodeOf(refused), PlainText.Line(refused.Message), refused.Remedy),
        ConfigurationException => Complain(ExitCodes.Usage, failed.Message),
        DataException or SafeTensorsException or CheckpointException => Complain(ExitCodes.Usage, PlainText.Line(failed.Message)),
        InvalidDataException or StoreLockedException or StoreSchemaException or StoreUnusableException or PortInUseException =>
            Complain(ExitCodes.Usage, PlainText.Line(failed.Message)),
        _ => FailureText.Describe(failed) is var (message, remedy)
            ? Complain(ExitCodes.RunFailed, PlainText.Line(message), remedy) : ExitCodes.RunFailed,
    };

    /// <summary>Prints an error and what to do about it to standard error.</summary>
    /// <returns><paramref name="exitCode"/>.</returns>
    public static int Complain(int exitCode, string message, string? remedy = null)
    {
        Console.Error.WriteLine($"error: {message}");
        if (remedy is not null)
            Console.Error.WriteLine(remedy);
        return exitCode;
    }

    /// <summary>The exit code that follows from an answer of a silo.</summary>
    internal static int CodeOf(CoordinatorApiException refused) => refused.Status switch
    {
        null or HttpStatusCode.NotFound or HttpStatusCode.ServiceUnavailable => ExitCodes.NotFound,
        HttpStatusCode.Accepted => ExitCodes.Unfinished,
        HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCodes.Usage,
        _ => ExitCodes.RunFailed,
    };
}
