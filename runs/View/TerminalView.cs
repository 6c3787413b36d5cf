using Spectre.Console;
using Spectre.Console.Rendering;

namespace Coordinator.Runs.View;

/// <summary>Draws a <see cref="RunView"/> for a terminal.</summary>
public static class TerminalView
{
    /// <summary>The whole picture.</summary>
    public static IRenderable Render(RunView view)
    {
        var rows = new List<IRenderable> { Head(view), Workers(view), Events(view) };
        if (view.Notice.Length > 0)
            rows.Add(new Markup($" [yellow]{Markup.Escape(view.Notice)}[/]"));
        if (view.Victim is { } victim)
            rows.Add(new Markup($" [grey]try it yourself:[/]  [bold]kill -9 {victim}[/]"));
        return new Rows(rows);
    }

    private static Panel Head(RunView view)
    {
        const int width = 40;
        var fraction = view.Total > 0 ? Math.Clamp((double)view.Done / view.Total, 0, 1) : 0;
        var filled = (int)(fraction * width);
        var bar = $"[green]{new string('━', filled)}[/][grey]{new string('━', width - filled)}[/]";
        var left = view.Left is { } time ? Words.Clock(time) : "-:--";
        var phase = view.Phase switch
        {
            "running" or "finished" => $"[green]{view.Phase}[/]",
            "failed" => "[red]failed[/]",
            var other => $"[yellow]{Markup.Escape(other)}[/]",
        };
        var rate = view.TokensPerSecond is { } tokens ? Words.Count(tokens) : "-";
        var lines = new List<string>
        {
            $"{bar}  step [bold]{view.Done}[/] of {view.Total}  {fraction * 100:0} %   {Words.Clock(view.Elapsed)} gone, {left} left",
            $"{phase}   generation [bold]{view.Generation}[/]   tokens/s [bold]{rate}[/]   failures healed {view.Failures}",
            view.Loss is { } loss ? $"loss [bold]{loss:0.0000}[/]  [blue]{Words.Sparkline(view.Losses)}[/]" : "loss -",
        };
        if (view.Reason.Length > 0 && view.Phase != "finished")
            lines.Add($"[grey]{Markup.Escape(view.Reason)}[/]");
        return new Panel(new Markup(string.Join('\n', lines)))
        {
            Header = new PanelHeader($" {Markup.Escape(view.Title)} "),
            Border = BoxBorder.Rounded,
            Expand = true,
        };
    }

    private static Table Workers(RunView view)
    {
        var table = new Table { Border = TableBorder.Simple, Expand = true };
        foreach (var column in new[] { "worker", "pid", "rank", "state", "applied", "silo" })
            table.AddColumn($"[grey]{column}[/]");
        foreach (var worker in view.Workers)
        {
            table.AddRow(
                Markup.Escape(worker.Name),
                worker.Pid is { } pid ? $"{pid}" : "-",
                worker.Ranks,
                $"[{Colour(worker.Tone)}]{Markup.Escape(worker.State)}[/]",
                worker.Applied is { } applied ? $"{applied}" : "-",
                worker.Connected ? "[green]connected[/]" : "[grey]not connected[/]");
        }

        return table;
    }

    private static Rows Events(RunView view) => new(view.Events.Select(line =>
        new Markup($" [grey]{line.Time.LocalDateTime:HH:mm:ss.f}[/]  [{Colour(line.Tone)}]{Markup.Escape(line.Text)}[/]") { Overflow = Overflow.Ellipsis }));

    private static string Colour(Tone tone) => tone switch
    {
        Tone.Good => "green",
        Tone.Warning => "yellow",
        Tone.Bad => "red",
        _ => "default",
    };
}
