using System.CommandLine;
using Coordinator.Cli.Output;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary>What the commands that ask a silo something have in common: how to reach it, and how to print.</summary>
public sealed class QueryCommand
{
    private readonly ConnectionOptions connection = new();
    private readonly Option<OutputFormat> format = OutputOption.Create();

    /// <summary>A command that asks and prints a listing.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it shows.</param>
    /// <param name="parts">Its own options and arguments.</param>
    /// <param name="ask">Asks the silo.</param>
    public static Command Create(
        string name,
        string description,
        IReadOnlyList<Symbol> parts,
        Func<CoordinatorClient, ParseResult, CancellationToken, Task<Listing>> ask) =>
        new QueryCommand().Build(name, description, parts, async (client, parsed, format, cancel) =>
            (await ask(client, parsed, cancel)).Print(Console.Out, format));

    /// <summary>A command that asks again and again, or prints in its own way.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it shows.</param>
    /// <param name="parts">Its own options and arguments.</param>
    /// <param name="run">Asks and prints.</param>
    public static Command Create(
        string name,
        string description,
        IReadOnlyList<Symbol> parts,
        Func<CoordinatorClient, ParseResult, OutputFormat, CancellationToken, Task> run) =>
        new QueryCommand().Build(name, description, parts, run);

    private Command Build(
        string name,
        string description,
        IReadOnlyList<Symbol> parts,
        Func<CoordinatorClient, ParseResult, OutputFormat, CancellationToken, Task> run)
    {
        var command = new Command(name, description);
        foreach (var part in parts)
        {
            if (part is Argument argument)
                command.Arguments.Add(argument);
            else
                command.Options.Add((Option)part);
        }

        connection.AddTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, _) =>
        {
            using var signals = new Signals();
            using var client = connection.Connect(parsed);
            try
            {
                await run(client, parsed, parsed.GetValue(format), signals.Token);
                return ExitCodes.Success;
            }
            catch (OperationCanceledException) when (signals.ExitCode is { } code)
            {
                return code;
            }
        });
        return command;
    }
}
