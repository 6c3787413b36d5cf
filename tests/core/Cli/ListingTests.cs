using System.Text.Json.Nodes;
using Coordinator.Cli.Output;

namespace Coordinator.Tests.Cli;

public class ListingTests
{
    private static readonly Listing Nodes = new(
        "NodeList",
        JsonNode.Parse("""[{"id":"worker-1","gpus":2,"note":"true","reason":null}]""")!,
        [new Column("NAME"), new Column("GPUS"), new Column("NOTE", WideOnly: true)],
        [["worker-1", "2", "true"]]);

    [Fact]
    public void A_table_leaves_wide_columns_out() => Assert.Equal("NAME       GPUS\nworker-1   2\n", Text(OutputFormat.Table));

    [Fact]
    public void Wide_shows_all_columns() => Assert.Equal("NAME       GPUS   NOTE\nworker-1   2      true\n", Text(OutputFormat.Wide));

    [Fact]
    public void Json_carries_version_and_kind()
    {
        var json = JsonNode.Parse(Text(OutputFormat.Json))!;

        Assert.Equal("v1", (string?)json["apiVersion"]);
        Assert.Equal("NodeList", (string?)json["kind"]);
        Assert.Equal(2, (int?)json["items"]![0]!["gpus"]);
    }

    [Fact]
    public void Yaml_quotes_strings_that_it_would_read_as_something_else() =>
        Assert.Equal(
            "apiVersion: v1\nkind: NodeList\nitems:\n- id: worker-1\n  gpus: 2\n  note: \"true\"\n  reason: null\n",
            Text(OutputFormat.Yaml));

    private static string Text(OutputFormat format)
    {
        using var output = new StringWriter { NewLine = "\n" };
        Nodes.Print(output, format);
        return output.ToString().ReplaceLineEndings("\n");
    }
}
