using Coordinator.Runs.View;
using Spectre.Console;

namespace Coordinator.Runs.Demo;

/// <summary>Prints a <see cref="DemoReport"/>: in a box on a terminal, as plain lines elsewhere.</summary>
public static class DemoReportPrinter
{
    /// <summary>Prints.</summary>
    public static void Print(DemoReport report)
    {
        var lines = report.Lines();
        if (!RunDisplay.IsTerminal)
        {
            Console.WriteLine();
            foreach (var (label, text) in lines)
                Console.WriteLine($"{label,-12} {text}");
            Console.WriteLine();
            return;
        }

        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var (label, text) in lines)
        {
            var colour = text == "identical" ? "bold green" : text == "DIFFERENT" || label == "missed" ? "bold red" : "default";
            grid.AddRow(new Markup($"[grey]{label}[/]"), new Markup($"[{colour}]{Markup.Escape(text)}[/]"));
        }

        AnsiConsole.Write(new Panel(grid)
        {
            Header = new PanelHeader(report.Identical ? " [green]the same model, bit for bit[/] " : " [red]the models differ[/] "),
            Border = BoxBorder.Double,
            BorderStyle = new Style(report.Good ? Color.Green : Color.Red),
        });
    }
}
