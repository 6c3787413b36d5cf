using System.Text.Json.Nodes;

namespace Coordinator.Cli.Output;

/// <summary>A column of a listing.</summary>
/// <param name="Title">Heading, in capitals by custom.</param>
/// <param name="WideOnly">Whether only <c>-o wide</c> shows it.</param>
public sealed record Column(string Title, bool WideOnly = false);

/// <summary>Something to be printed as columns, or as the document that it came from.</summary>
/// <param name="Kind">What it is, for programs: <c>Job</c>, <c>NodeList</c>.</param>
/// <param name="Document">The whole of it. An array is wrapped as <c>items</c>.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Rows">Cells, one for each column.</param>
public sealed record Listing(string Kind, JsonNode Document, IReadOnlyList<Column> Columns, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    /// <summary>Version of the documents that the command line prints; the same as the HTTP API's.</summary>
    public const string ApiVersion = "v1";

    /// <summary>Prints it.</summary>
    public void Print(TextWriter output, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                output.WriteLine(Wrapped().ToJsonString(new() { WriteIndented = true }));
                break;
            case OutputFormat.Yaml:
                output.Write(YamlDocument.Of(Wrapped()));
                break;
            default:
                PrintColumns(output, format == OutputFormat.Wide);
                break;
        }
    }

    private JsonObject Wrapped()
    {
        var wrapped = new JsonObject { ["apiVersion"] = ApiVersion, ["kind"] = Kind };
        if (Document is JsonObject members)
        {
            foreach (var (name, value) in members)
                wrapped[name] = value?.DeepClone();
        }
        else
        {
            wrapped["items"] = Document.DeepClone();
        }

        return wrapped;
    }

    private void PrintColumns(TextWriter output, bool wide)
    {
        var shown = Enumerable.Range(0, Columns.Count).Where(index => wide || !Columns[index].WideOnly).ToArray();
        var widths = shown.Select(
            index => Math.Max(Columns[index].Title.Length, Rows.Select(row => row[index].Length).DefaultIfEmpty().Max())).ToArray();
        PrintRow(Columns.Select(column => column.Title).ToArray());
        foreach (var row in Rows)
            PrintRow(row);

        void PrintRow(IReadOnlyList<string> cells) =>
            output.WriteLine(string.Join("   ", shown.Select((index, place) => cells[index].PadRight(widths[place]))).TrimEnd());
    }
}
