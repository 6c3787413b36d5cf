using System.CommandLine;
using Coordinator.Cli.Local;
using Coordinator.Cli.Paths;

namespace Coordinator.Cli.Commands;

/// <summary><c>--engine</c> and what belongs to it, for commands that start a cluster on this machine.</summary>
public sealed class EngineOptionSet
{
    private readonly Option<string> engine = new("--engine")
    {
        Description = "What hosts the grains: embedded (one silo on SQLite) or orleans (several silos on PostgreSQL).",
        DefaultValueFactory = _ => "embedded",
    };

    private readonly Option<int> silos = new("--silos") { Description = "Orleans silos, 1 or more.", DefaultValueFactory = _ => 3 };
    private readonly PathOption program = new(PathUse.Read, "--silo-program") { Description = "The Orleans silo's program, Coordinator.Silo.dll (default: beside this one, or the source tree's build)." };
    private readonly Option<string?> database = new("--database") { Description = "PostgreSQL connection string for the Orleans silos (default: a private server that ends with the run)." };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        engine.AcceptOnlyFromAmong("embedded", "orleans");
        Checks.AtLeast(silos, 1);
        command.Add(engine);
        command.Add(silos);
        command.Add(program);
        command.Add(database);
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="CommandException">There is no silo program.</exception>
    public SiloBackend Read(ParseResult parsed) => parsed.GetValue(engine) == "embedded"
        ? SiloBackend.Embedded
        : new SiloBackend { Orleans = SiloProgram.Find(program.Full(parsed)), Silos = parsed.GetValue(silos), Database = parsed.GetValue(database) };
}
