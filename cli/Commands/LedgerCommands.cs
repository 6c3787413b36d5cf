using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Machines.Ledger;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>goodput</c> and <c>report</c>: where a job's rank-seconds went, and what interrupted it.</summary>
internal static class LedgerCommands
{
    private static readonly IReadOnlyList<Column> Causes = [new("CAUSE"), new("RANK-SECONDS"), new("SHARE")];

    private static readonly IReadOnlyList<Column> Incidents =
    [
        new("AT"), new("KIND"), new("SECONDS"), new("RANK-SECONDS"), new("DETECT"), new("DECIDE"), new("RECONNECT"), new("RESUME"),
        new("WAIT"), new("STEP"), new("UNDONE"), new("FIRST CAUSE"), new("FOLLOWED", true),
    ];

    private static readonly IReadOnlyList<Column> Nodes = [new("NODE"), new("FAILURES"), new("RANK-SECONDS")];

    /// <summary><c>goodput</c>.</summary>
    public static Command Goodput() => Create(
        "goodput", "Show where a job's rank-seconds went: each has one cause, and they add up to all.", (ledger, format) =>
        {
            if (format is OutputFormat.Table or OutputFormat.Wide)
                PrintHead(ledger);
            CausesOf(ledger).Print(Console.Out, format);
        });

    /// <summary><c>report</c>.</summary>
    public static Command Report() => Create(
        "report",
        "Show what happened to a job: its goodput, what interrupted it with the first cause of each, and the nodes it began at.",
        (ledger, format) =>
        {
            if (format is OutputFormat.Json or OutputFormat.Yaml)
            {
                CausesOf(ledger).Print(Console.Out, format);
                return;
            }

            PrintHead(ledger);
            CausesOf(ledger).Print(Console.Out, format);
            if (ledger.Incidents.Count == 0)
                return;
            Console.WriteLine();
            new Listing("IncidentList", new JsonArray(), Incidents, [.. ledger.Incidents.Select(Row)]).Print(Console.Out, format);
            if (ledger.Nodes.Count == 0)
                return;
            Console.WriteLine();
            new Listing("NodeList", new JsonArray(), Nodes, [.. ledger.Nodes.Select(Row)]).Print(Console.Out, format);
        });

    private static Command Create(string name, string description, Action<JobLedger, OutputFormat> print)
    {
        var source = new LedgerSource();
        var format = OutputOption.Create();
        var command = new Command(name, description);
        source.AddTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, _) =>
        {
            using var signals = new Signals();
            try
            {
                print(await source.ReadAsync(parsed, signals.Token), parsed.GetValue(format));
                return ExitCodes.Success;
            }
            catch (OperationCanceledException) when (signals.ExitCode is { } code)
            {
                return code;
            }
        });
        return command;
    }

    private static Listing CausesOf(JobLedger ledger) => new(
        "JobLedger",
        JsonSerializer.SerializeToNode(ledger, MachinesJson.Default.JobLedger)!,
        Causes,
        [.. ledger.Entries.Select(entry => (IReadOnlyList<string>)[entry.Cause, Number(entry.RankSeconds), Share(entry.Share)])]);

    private static void PrintHead(JobLedger ledger)
    {
        var failures = ledger.Incidents.Count(incident => incident.IsFailure);
        Console.WriteLine(
            $"{ledger.Job} {ledger.State}: {DrainText.Moment(ledger.From)} to {DrainText.Moment(ledger.Through)}, "
                + $"{Number(ledger.RankSeconds)} rank-seconds");
        Console.WriteLine(
            $"goodput {Share(ledger.Goodput)}, effective training time {Share(ledger.EffectiveTrainingTimeRatio)}, "
                + $"{Counted.Of(failures, "failure")}"
                + (ledger.MeanSecondsToRecover is { } recover ? $", {Number(recover)} s to recover on average" : "")
                + (ledger.MeanSecondsBetweenFailures is { } between ? $", {Number(between)} s between failures" : ""));
        if (ledger.IdealStepMs is { } ideal)
        {
            Console.WriteLine(
                $"{Counted.Of(ledger.Steps, "step")} of {Number(ideal)} ms at the ideal rate, {ledger.UndoneSteps} undone");
        }

        Console.WriteLine();
    }

    private static IReadOnlyList<string> Row(Incident incident) =>
    [
        DrainText.Moment(incident.At), incident.GoesOn ? $"{incident.Kind} (goes on)" : incident.Kind, Precise(incident.Seconds),
        Number(incident.RankSeconds), Precise(incident.DetectSeconds), Precise(incident.DecideSeconds), Precise(incident.ReconnectSeconds),
        Precise(incident.ResumeSeconds), Precise(incident.WaitSeconds), $"{incident.Step}", $"{incident.UndoneSteps}",
        PlainText.Line(incident.FirstCause, 160), string.Join(',', incident.Followed.Take(8)) + (incident.Followed.Count > 8 ? ",…" : ""),
    ];

    private static IReadOnlyList<string> Row(NodeLosses node) => [node.Node.Value, $"{node.Failures}", Number(node.RankSeconds)];

    private static string Number(double value) => value.ToString("N1", CultureInfo.InvariantCulture);

    private static string Precise(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string Share(double value) => value.ToString("0.00%", CultureInfo.InvariantCulture);
}
