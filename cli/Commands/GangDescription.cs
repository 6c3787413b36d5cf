using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Cli.Commands;

/// <summary>Everything about one gang.</summary>
internal static class GangDescription
{
    /// <summary>Prints it.</summary>
    public static void Print(GangView view, OutputFormat format)
    {
        var document = JsonSerializer.SerializeToNode(view, MachinesJson.Default.GangView)!;
        if (format is OutputFormat.Json or OutputFormat.Yaml)
        {
            new Listing("Gang", document, [], []).Print(Console.Out, format);
            return;
        }

        Say("job", view.Id.Value);
        Say("command", string.Join(' ', view.Spec.Command));
        Say("promise", "no bits: all its processes run or are being made to, and no two generations at once");
        Say("phase", view.Reason.Length == 0 ? view.Phase : view.PhaseName == view.Phase ? $"{view.Phase}: {view.Reason}" : view.Reason);
        Say("generation", $"{view.Generation}");
        Say("restarts", $"{view.Restarts}, {view.RestartsLeft} left before it must get on");
        if (view.Step is { } step)
            Say("step", $"{step}");
        if (view.LeftOut.Count > 0)
            Say("left out", string.Join(", ", view.LeftOut));
        if (view.FirstFailure is { } first)
            Say("first cause", first.Text);
        if (view.ExitCode is { } code)
            Say("exit code", $"{code}");
        Console.WriteLine();
        new Listing(
            "RankList", new JsonArray(),
            [new("RANK"), new("NODE"), new("GPU"), new("PID"), new("STATE"), new("AGENT"), new("HEARD MS AGO", true)],
            [
                .. view.Nodes.SelectMany(node => node.Ranks.Select(rank => (IReadOnlyList<string>)
                [
                    $"{rank.Rank}", node.Node.Value, $"{rank.Gpu}", $"{rank.ProcessId}", rank.Exit?.Text ?? "runs", node.Phase,
                    node.SilentMs is { } silent ? $"{silent:0}" : "-",
                ])),
            ]).Print(Console.Out, format);
        if (view.Failures.Count == 0)
            return;
        Console.WriteLine();
        foreach (var failure in view.Failures)
        {
            Console.WriteLine($"generation {failure.Generation}: {failure.Cause}: {failure.Text}");
            foreach (var line in failure.LastLines)
                Console.WriteLine($"  | {line}");
        }
    }

    private static void Say(string title, string text) => Console.WriteLine($"{title + ":",-16}{text}");
}
