using System.CommandLine;
using Coordinator.Runs.Gangs;
using Coordinator.Runs.Jobs;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>attach</c>: follows a run that is there, and leaves it alone when it ends itself.</summary>
public sealed class AttachCommand
{
    private readonly JobArgument job = new();
    private readonly Option<bool> allRanks = new("--all-ranks") { Description = "Show what all ranks say, and not only rank 0." };
    private readonly ConnectionOptions connection = new();

    /// <summary>The command.</summary>
    public static Command Create() => new AttachCommand().Build();

    private Command Build()
    {
        var command = new Command("attach", "Follow a run of 'coordinator run' to its end. Ending this command leaves the run alone. The "
            + "exit code is the run's.") { job.Argument, allRanks };
        connection.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        StandardStreams.NeverWait();
        using var signals = new Signals();
        using var client = connection.Connect(parsed);
        try
        {
            var gang = await job.FindGangAsync(client, parsed, signals.Token);
            var isAll = parsed.GetValue(allRanks);
            var printer = new LogPrinter(Console.Out, Console.Error, withRanks: isAll, withTimes: false);
            var view = await new GangRun(
                new SiloCalls(client, cluster: null),
                gang.Id,
                printer,
                now => isAll ? Enumerable.Range(0, now.Spec.RanksOn(now.Nodes.Count)) : [0]).FollowAsync(signals.Token);
            printer.Say($"job {view.Id} {view.EndInWords}");
            return GangRun.CodeOf(view);
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            return code;
        }
    }
}
