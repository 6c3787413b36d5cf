using System.CommandLine;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Commands;

/// <summary><c>health</c>: what a container's or a unit's health check runs. Says nothing where all is well.</summary>
public static class HealthCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var connection = new ConnectionOptions();
        var node = new Option<string?>("--node")
        {
            Description = "Ask whether this node's worker is connected (needs the token), not whether the silo is well.",
        };
        var command = new Command(
            "health", "Exit 0 where a silo is well, or a worker connected; else 1, with the reason. For health checks.");
        connection.AddTo(command);
        command.Options.Add(node);
        command.SetAction(async (parsed, cancel) =>
        {
            var silo = connection.FindSilo(parsed) ?? throw new CommandException(
                ExitCodes.Usage, "No silo is named.", $"Give --silo http://HOST:PORT or set {ConnectionVariables.Silo}.");
            var asked = parsed.GetValue(node);
            using var client = new CoordinatorClient(
                silo,
                asked is null ? "none" : ConnectionOptions.ReadToken(parsed.GetValue(connection.TokenFile)),
                parsed.GetValue(connection.Proxy));
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            patience.CancelAfter(Patience);
            if (await ProblemAsync(client, asked, patience.Token) is not { } problem)
                return ExitCodes.Success;
            Console.Error.WriteLine(problem);
            return ExitCodes.RunFailed;
        });
        return command;
    }

    private static async Task<string?> ProblemAsync(CoordinatorClient client, string? node, CancellationToken cancel)
    {
        try
        {
            if (node is null)
                return await client.IsHealthyAsync(cancel) ? null : $"no silo at {client.Url} answers that it is well";
            return await client.GetNodeAsync(new NodeId(node), cancel) is { Connected: true }
                ? null
                : $"{node} is not connected to {client.Url}";
        }
        catch (OperationCanceledException)
        {
            return $"{client.Url} did not answer within {Patience.TotalSeconds:0} s";
        }
    }
}
