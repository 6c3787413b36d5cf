using Coordinator.Machines;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Coordinator.Runs.View;

/// <summary>Draws a <see cref="RunView"/> for a terminal.</summary>
public static class TerminalView
{
    /// <summary>Rows of a terminal that are left to what was printed above the picture: how to attach from another one is there.</summary>
    private const int RowsAbove = 9;

    // A frame with three lines in it, and the table's head with its rules.
    private const int HeadRows = 5;
    private const int TableRows = 4;
    private const int LeastEvents = 2;
    private const int LeastWorkers = 2;

    /// <summary>The whole picture.</summary>
    /// <param name="view">What is to be seen.</param>
    /// <param name="width">Columns of the terminal: no line is wrapped, since it would push another one out.</param>
    /// <param name="height">Its rows: the picture leaves <see cref="RowsAbove"/> of them free.</param>
    public static IRenderable Render(RunView view, int width = int.MaxValue, int height = int.MaxValue)
    {
        var others = (IsReasonShown(view) ? 1 : 0) + (view.NoPromise.Length > 0 ? 1 : 0) + (view.Notice.Length > 0 ? 1 : 0)
            + (view.Victim is null ? 0 : 1);
        var room = Math.Max(LeastEvents + LeastWorkers, height - RowsAbove - HeadRows - TableRows - others);
        var workers = Math.Min(view.Workers.Count, Math.Max(LeastWorkers, room - LeastEvents));
        var rows = new List<IRenderable> { Head(view, width), Workers(view, workers) };
        if (view.Events.Count > 0)
            rows.Add(Events(view, Math.Max(LeastEvents, room - workers), width));
        if (view.Notice.Length > 0)
            rows.Add(new Markup($" [yellow]{Markup.Escape(Cut(view.Notice, width - 2))}[/]"));
        if (view.Victim is { } victim)
            rows.Add(new Markup($" [grey]try it yourself:[/]  [bold]kill -9 {victim}[/]"));
        return new Rows(rows);
    }

    private static bool IsReasonShown(RunView view) => view.Reason.Length > 0 && view.Phase != "finished";

    private static string Cut(string text, int most) => PlainText.Line(text, Math.Max(1, most));

    private static Panel Head(RunView view, int columns)
    {
        // The words behind the bar take sixty columns, and the frame four.
        var width = Math.Clamp(columns - 64, 10, 40);
        var fraction = view.Total > 0 ? Math.Clamp((double)view.Done / view.Total, 0, 1) : 0;
        var filled = (int)(fraction * width);
        var bar = $"[green]{new string('━', filled)}[/][grey]{new string('━', width - filled)}[/]";
        var left = view.Left is { } time ? Words.Clock(time) : "-:--";

        // Before the silo has said anything of the job, its length is not known here.
        var place = view.Total > 0 ? $"step [bold]{view.Done}[/] of {view.Total}  {fraction * 100:0} %" : "no step yet";
        var phase = view.Phase switch
        {
            "running" or "finished" => $"[green]{view.Phase}[/]",
            "failed" => "[red]failed[/]",
            var other => $"[yellow]{Markup.Escape(other)}[/]",
        };
        var rate = view.TokensPerSecond is { } tokens ? Words.Count(tokens) : "-";
        var lines = new List<string>
        {
            $"{bar}  {place}   {Words.Clock(view.Elapsed)} gone, {left} left",
            $"{phase}   generation [bold]{view.Generation}[/]   tokens/s [bold]{rate}[/]   failures healed {view.Failures}",
            view.Loss is { } loss
                ? $"loss [bold]{loss:0.0000}[/]  [blue]{Words.Sparkline([.. view.Losses.TakeLast(Math.Max(1, columns - 20))])}[/]"
                    : "loss -",
        };
        if (IsReasonShown(view))
            lines.Add($"[grey]{Markup.Escape(Cut(view.Reason, columns - 4))}[/]");
        if (view.NoPromise.Length > 0)
            lines.Add($"[yellow]{Markup.Escape(Cut(view.NoPromise, columns - 4))}[/]");
        return new Panel(new Markup(string.Join('\n', lines)))
        {
            Header = new PanelHeader($" {Markup.Escape(view.Title)} "),
            Border = BoxBorder.Rounded,
            Expand = true,
        };
    }

    private static Table Workers(RunView view, int most)
    {
        var table = new Table { Border = TableBorder.Simple, Expand = true };
        foreach (var column in new[] { "worker", "pid", "rank", "state", "applied", "silo" })
            table.AddColumn($"[grey]{column}[/]");
        var shown = view.Workers.Count > most ? most - 1 : most;
        foreach (var worker in view.Workers.Take(shown))
        {
            table.AddRow(
                Markup.Escape(worker.Name),
                worker.Pid is { } pid ? $"{pid}" : "-",
                worker.Ranks,
                $"[{Colour(worker.Tone)}]{Markup.Escape(worker.State)}[/]",
                worker.Applied is { } applied ? $"{applied}" : "-",
                worker.Connected ? "[green]connected[/]" : "[grey]not connected[/]");
        }

        if (view.Workers.Count > shown)
            table.AddRow($"[grey]{view.Workers.Count - shown} more[/]");
        return table;
    }

    private static Rows Events(RunView view, int most, int width) => new(view.Events.TakeLast(most).Select(line =>
        new Markup(
            $" [grey]{line.Time.LocalDateTime:HH:mm:ss.f}[/]  "
                + $"[{Colour(line.Tone)}]{Markup.Escape(Cut(line.Text, width - 14))}[/]")
        { Overflow = Overflow.Ellipsis }));

    private static string Colour(Tone tone) => tone switch
    {
        Tone.Good => "green",
        Tone.Warning => "yellow",
        Tone.Bad => "red",
        _ => "default",
    };
}
