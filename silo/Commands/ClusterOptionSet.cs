using System.CommandLine;
using Coordinator.Disk;

namespace Coordinator.Silo.Commands;

/// <summary>The options that say which cluster is meant: those of a silo and of the operator's commands alike.</summary>
internal sealed record ClusterOptionSet(Option<string?> Database, Option<string> Cluster, Option<int> GatewayPort)
{
    private const int MostBytes = 1 << 16;

    public static ClusterOptionSet Create() => new(
        new Option<string?>("--database") { Description = "PostgreSQL connection string (Host=…;Database=…;Username=…), or @FILE that holds it, so that no password is in a process list." },
        new Option<string>("--cluster") { Description = "Name of the cluster: silos of one name on one database belong together.", DefaultValueFactory = _ => "coordinator" },
        new Option<int>("--gateway-port") { Description = "Port for Orleans clients, such as the operator's commands.", DefaultValueFactory = _ => 30000 });

    /// <summary>The connection string, from its file where it is in one.</summary>
    /// <exception cref="FormatException">The file cannot be read.</exception>
    public string? ReadDatabase(ParseResult parsed)
    {
        var text = parsed.GetValue(Database);
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
            throw new FormatException($"--database {text} cannot be read: {e.Message} Write a connection string into that file, or name another.", e);
        }
    }
}
