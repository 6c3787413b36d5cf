using System.CommandLine;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>--silos</c> and what belongs to it, for commands that start a cluster on this machine.</summary>
public sealed class SilosOptionSet
{
    private readonly Option<int> silos = new("--silos")
    {
        Description = "Silos: 1 is alone on SQLite, more are a cluster on PostgreSQL.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<string?> database = new("--database")
    {
        Description = "PostgreSQL connection string for the silos, or @FILE "
        + "that holds it (default, with several silos: a private server that ends with the run)."
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        Checks.AtLeast(silos, 1);
        command.Add(silos);
        command.Add(database);
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="CommandException">The file of the connection string cannot be read.</exception>
    public SiloBackend Read(ParseResult parsed) =>
        new() { Silos = parsed.GetValue(silos), Database = ClusterOptionSet.ReadDatabase(parsed.GetValue(database)) };
}
