using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Machines;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>wait</c>: until a job is so far.</summary>
public sealed class WaitCommand
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstLook = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(40);

    private readonly JobArgument job = new();
    private readonly Option<string> wanted = new("--for")
    {
        Description = "running, finished, failed, over (finished or failed), or step=N.",
        DefaultValueFactory = _ => "over",
    };
    private readonly Option<string?> limit = new("--timeout") { Description = "How long to wait (default: as long as it takes)." };
    private readonly ConnectionOptions connection = new();

    /// <summary>The command.</summary>
    public static Command Create() => new WaitCommand().Build();

    private Command Build()
    {
        var command = new Command("wait", "Wait until a job is so far. The exit code is 4 where the time ran out, and 1 where it cannot "
            + "come to that any more.") { job.Argument, wanted, limit };
        connection.AddTo(command);
        wanted.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !IsKnown(result.Tokens[0].Value))
                result.AddError($"--for is '{result.Tokens[0].Value}'; choose running, finished, failed, over or step=N.");
        });
        DurationOption.Guard(limit, Longest);
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        using var signals = new Signals();
        using var client = connection.Connect(parsed);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        var clock = Stopwatch.StartNew();
        var time = DurationOption.Of(parsed.GetValue(limit));

        // However little time there is, the job is looked at once.
        if (time is not null)
            patience.CancelAfter(time < FirstLook ? FirstLook : time.Value);
        var calls = new SiloCalls(client, cluster: null);
        var (phase, reason) = ("unknown", "");
        try
        {
            var id = await job.FindIdAsync(client, parsed, patience.Token);
            while (true)
            {
                long step;
                (phase, reason, step) = await LookAsync(calls, id, patience.Token);
                if (IsThere(parsed.GetValue(wanted)!, phase, step))
                {
                    Console.WriteLine($"{id} {phase}{(step > 0 ? $" at step {step}" : "")}");
                    return ExitCodes.Success;
                }

                if (phase is "finished" or "failed")
                {
                    throw new CommandException(
                        ExitCodes.RunFailed,
                        $"Job {id} {Ended(phase, reason)}, and comes to {parsed.GetValue(wanted)} no more.",
                        "See its events with 'coordinator events'.");
                }
                if (time - clock.Elapsed is { } left)
                    patience.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
                await Task.Delay(Period, patience.Token);
            }
        }
        catch (OperationCanceledException)
        {
            if (signals.ExitCode is { } code)
                return code;
            throw new CommandException(
                ExitCodes.Unfinished,
                $"The job did not come to {parsed.GetValue(wanted)} within {parsed.GetValue(limit)}: it is {phase}.",
                "It goes on; wait again.");
        }
    }

    private static async Task<(string Phase, string Reason, long Step)> LookAsync(SiloCalls calls, JobId id, CancellationToken cancel)
    {
        if (await calls.AskAsync((silo, cut) => silo.GetGangAsync(id, cut), cancel) is { } gang)
            return (gang.Phase, gang.Reason, gang.Step ?? 0);
        return await calls.AskAsync((silo, cut) => silo.GetJobAsync(id, cut), cancel) is { } training
            ? (training.Phase, training.Reason, training.Recorded)
            : throw new CommandException(ExitCodes.NotFound, $"There is no job '{id}' any more.", "'coordinator jobs' lists them.");
    }

    private static string Ended(string phase, string reason) =>
        reason.StartsWith(CancelJob.ReasonPrefix, StringComparison.Ordinal) ? $"was {reason}"
        : reason.Length > 0 ? $"has {phase}: {reason}" : $"has {phase}";

    private static bool IsKnown(string text) => text is "running" or "finished" or "failed" or "over" || StepOf(text) is not null;

    private static long? StepOf(string text) =>
        text.StartsWith("step=", StringComparison.Ordinal)
            && long.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            ? step : null;

    private static bool IsThere(string wanted, string phase, long step) => wanted switch
    {
        "over" => phase is "finished" or "failed",
        "running" or "finished" or "failed" => phase == wanted,
        _ => step >= StepOf(wanted),
    };
}
