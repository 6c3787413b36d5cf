using System.CommandLine;

namespace Coordinator.Cli.Output;

/// <summary><c>-o</c>, as every command that lists something has it.</summary>
public static class OutputOption
{
    /// <summary>The option.</summary>
    public static Option<OutputFormat> Create() => new("--output", "-o")
    {
        Description = "table, wide, json or yaml.",
        DefaultValueFactory = _ => OutputFormat.Table,
    };
}
