using Coordinator.Cli.Commands;
using Coordinator.Disk;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Cli;

public sealed class CommandLineParsingTests
{
    [Fact]
    public void A_connection_string_with_blanks_is_read_from_its_file_and_not_as_further_arguments()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("database");
        File.WriteAllText(file, "Host=postgres;Username=coordinator;GSS Encryption Mode=Disable\n");
        PrivateFiles.Tighten(file);
        var parsed = CommandLine.Parse(["silo", "--data-dir", "data", "--database", "@" + file]);

        Assert.Empty(parsed.Errors);
        Assert.Equal(
            "Host=postgres;Username=coordinator;GSS Encryption Mode=Disable",
            ClusterOptionSet.ReadDatabase(parsed.GetValue<string>("--database")));
    }

    [Theory]
    [InlineData("--cluster", "a")]
    [InlineData("--advertise", "10.0.0.5")]
    [InlineData("--silo-port", "11111")]
    [InlineData("--gateway-port", "30000")]
    public void What_belongs_to_a_cluster_is_refused_where_no_database_is_named(string option, string value) =>
        Assert.StartsWith(
            $"{option} is for a silo of a cluster",
            Assert.Single(CommandLine.Parse(["silo", "--data-dir", "data", option, value]).Errors).Message,
            StringComparison.Ordinal);
}
