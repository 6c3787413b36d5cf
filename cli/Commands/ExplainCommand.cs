using System.CommandLine;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Configuration;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>explain</c>: the keys of a job file.</summary>
public static class ExplainCommand
{
    private static readonly IReadOnlyList<Column> Columns = [new("KEY"), new("DEFAULT"), new("VALUE"), new("ABOUT", true)];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var name = new Argument<string?>("key")
        {
            Description = "A key such as training.steps, or a section such as training (default: all).",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var markdown = new Option<bool>("--markdown") { Description = "Print the page of the documentation that lists them." };
        var format = OutputOption.Create();
        var command = new Command("explain", "Show the keys that a job has, with type, default and range.") { name, markdown, format };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(markdown))
            {
                Console.Write(JobKeyReference.Markdown());
                return ExitCodes.Success;
            }

            var keys = parsed.GetValue(name) is { } given ? JobKeyReference.Find(given) : JobKeyReference.All;
            if (keys is [var only] && parsed.GetValue(format) is OutputFormat.Table or OutputFormat.Wide)
            {
                Print(only);
            }
            else
            {
                new Listing(
                    "JobKeyList", new JsonArray([.. keys.Select(Document)]), Columns,
                    [.. keys.Select(Row)]).Print(Console.Out, parsed.GetValue(format));
            }
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Print(JobKeyInfo key)
    {
        Console.WriteLine(key.Name);
        Console.WriteLine($"  {key.About}");
        Console.WriteLine($"  type:     {key.Type}");
        Console.WriteLine($"  default:  {(key.Default.Length > 0 ? key.Default : "none")}");
        Console.WriteLine($"  range:    {(key.Range.Length > 0 ? key.Range : "any")}");
        Console.WriteLine(
            $"  given as: --{key.Name}=VALUE, or in a job file under {key.Name[..key.Name.IndexOf('.', StringComparison.Ordinal)]}:");
    }

    private static JsonObject Document(JobKeyInfo key) => new()
    {
        ["name"] = key.Name,
        ["type"] = key.Type,
        ["default"] = key.Default,
        ["range"] = key.Range,
        ["about"] = key.About,
    };

    private static IReadOnlyList<string> Row(JobKeyInfo key) =>
        [key.Name, key.Default.Length > 0 ? key.Default : "-", JobKeyReference.Value(key), key.About];
}
