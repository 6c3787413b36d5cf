using Spectre.Console;
using Spectre.Console.Rendering;

namespace Coordinator.Runs.View;

/// <summary>Shows a run while it goes on: a live picture on a terminal, lines elsewhere.</summary>
public static class RunDisplay
{
    private const int MostEvents = 40;

    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);

    /// <summary>Whether standard output is a terminal that can be drawn on.</summary>
    public static bool IsTerminal =>
        !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Shows until cancelled, and then the last moment. A view that cannot go on ends, and with it nothing else.</summary>
    public static async Task RunAsync(Func<RunData> snapshot, CancellationToken cancel)
    {
        try
        {
            if (IsTerminal)
                await RunTerminalAsync(snapshot, cancel);
            else
                await RunPlainAsync(snapshot, cancel);
        }
        catch (Exception broken) when (!cancel.IsCancellationRequested || broken is not OperationCanceledException)
        {
            Console.Error.WriteLine($"the view has ended, and the run goes on without it: {broken.Message}");
        }
    }

    private static async Task RunTerminalAsync(Func<RunData> snapshot, CancellationToken cancel)
    {
        await AnsiConsole.Live(Picture(snapshot())).StartAsync(async live =>
        {
            do
            {
                live.UpdateTarget(Picture(snapshot()));
            }
            while (await Pause(cancel));
            live.UpdateTarget(Picture(snapshot()));
        });
    }

    private static IRenderable Picture(RunData data) =>
        TerminalView.Render(RunViewBuilder.Build(data, shownEvents: MostEvents), AnsiConsole.Profile.Width, AnsiConsole.Profile.Height);

    private static async Task RunPlainAsync(Func<RunData> snapshot, CancellationToken cancel)
    {
        var lines = new PlainLines();
        do
        {
            Print();
        }
        while (await Pause(cancel));
        Print();

        void Print()
        {
            foreach (var line in lines.Next(RunViewBuilder.Build(snapshot(), shownEvents: int.MaxValue)))
                Console.WriteLine(line);
        }
    }

    private static async Task<bool> Pause(CancellationToken cancel)
    {
        try
        {
            await Task.Delay(Period, cancel);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
