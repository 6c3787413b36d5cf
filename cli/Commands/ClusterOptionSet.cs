using System.CommandLine;
using Coordinator.Disk;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary>The options that say which cluster is meant: those of a silo and of the operator's commands alike.</summary>
public sealed record ClusterOptionSet(Option<string?> Database, Option<string> Cluster)
{
    private const int MostBytes = 1 << 16;

    /// <summary>The options.</summary>
    public static ClusterOptionSet Create() => new(
        new Option<string?>("--database")
        {
            Description = "PostgreSQL connection string (Host=…;Database=…;Username=…), or @FILE that "
            + "holds it, so that no password is in a process list."
        },
        new Option<string>("--cluster")
        {
            Description = "Name of the cluster: silos of one name on one database belong together.",
            DefaultValueFactory = _ => "coordinator",
        });

    /// <summary>The connection string, from its file where it is in one.</summary>
    /// <exception cref="CommandException">The file cannot be read.</exception>
    public string? ReadDatabase(ParseResult parsed) => ReadDatabase(parsed.GetValue(Database));

    /// <inheritdoc cref="ReadDatabase(ParseResult)"/>
    internal static string? ReadDatabase(string? text)
    {
        if (text is null || !text.StartsWith('@'))
            return text;
        try
        {
            var connection = RegularFile.ReadNamedText(text[1..], MostBytes).Trim();
            if (PrivateFiles.WhyOpen(text[1..]) is { } open)
                Console.Error.WriteLine($"warning: {open}");
            return connection;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"--database {text} cannot be read: {e.Message}",
                "Write a connection string into that file, or name another.");
        }
    }
}
