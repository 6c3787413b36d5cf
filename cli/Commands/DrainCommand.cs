using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Api;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Commands;

/// <summary><c>drain</c> and <c>uncordon</c>: takes nodes or gpus out of use in order, and gives them work again.</summary>
internal sealed class DrainCommand
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(40);

    private static readonly IReadOnlyList<Column> Columns =
        [new("DRAIN"), new("STATE"), new("BY"), new("SINCE"), new("UNTIL"), new("JOBS"), new("REASON")];

    private readonly bool isNode;
    private readonly Argument<string[]> names;
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why, in a line: events and lists say it.",
        Required = true,
    };
    private readonly Option<string?> deadline = new("--deadline")
    {
        Description = "Work that cannot leave at once may go on for so long, such as 2h: a gang to its own end, a training job that "
            + "would have too few ranks until it has another gpu. Then a gang is ended in order and starts again elsewhere, and a job "
            + "goes on with what it has, or waits (default: gangs are ended at once, and jobs wait for another gpu as long as it takes).",
    };
    private readonly Option<bool> wait = new("--wait") { Description = "Return when no job has anything there any more." };
    private readonly Option<string?> limit = new("--timeout")
    {
        Description = "With --wait, how long to wait; the exit code is 4 where that was too short (default: as long as it takes).",
    };
    private readonly Option<string?> person = PersonOption();
    private readonly Option<string[]> labels = Labels();

    private DrainCommand(bool isNode)
    {
        this.isNode = isNode;
        names = Names(isNode);
        DurationOption.Guard(deadline, DrainRequest.LongestDeadline);
        DurationOption.Guard(limit, LongestWait);
    }

    /// <summary><c>drain</c>.</summary>
    public static Command Create() => new(
        "drain",
        "Take nodes or gpus out of use: they get no new work, and what is there leaves in order. No step is lost, and no job fails by it.")
    {
        new DrainCommand(isNode: true).Build(), new DrainCommand(isNode: false).Build(),
    };

    /// <summary><c>uncordon</c>.</summary>
    public static Command CreateUncordon() => new("uncordon", "Give nodes or gpus work again that were drained.")
    {
        Uncordon(isNode: true), Uncordon(isNode: false),
    };

    private static Argument<string[]> Names(bool isNode) => new(isNode ? "node" : "gpu")
    {
        Description = isNode ? "Names of nodes." : "Gpus, as NODE/INDEX.",
        Arity = isNode ? ArgumentArity.ZeroOrMore : ArgumentArity.OneOrMore,
    };

    private static Option<string[]> Labels() => LabelOption.Create(
        "In place of names: all nodes that have this label now, such as rack=r12. Given more than once, those that have all of them.");

    /// <summary>Whoever names nodes and a label may mean either or both; so it is one of the two.</summary>
    private static void GuardNames(Command command, Argument<string[]> names, Option<string[]> labels) => command.Validators.Add(result =>
    {
        var (named, labelled) = (result.GetResult(names)?.Tokens.Count > 0, result.GetResult(labels)?.Tokens.Count > 0);
        if (named == labelled)
            result.AddError(named ? "Name nodes, or their --label, and not both." : "Name nodes, or their --label.");
    });

    /// <summary>Who wants it.</summary>
    public static Option<string?> PersonOption() => new("--by")
    {
        Description = "Who wants it, for events and lists (default: the user that runs this command).",
    };

    private Command Build()
    {
        var command = QueryCommand.Create(
            isNode ? "node" : "gpu",
            isNode ? "Drain nodes, with all of their gpus." : "Drain single gpus.",
            isNode ? [names, labels, reason, deadline, wait, limit, person] : [names, reason, deadline, wait, limit, person],
            RunAsync);
        if (isNode)
            GuardNames(command, names, labels);
        command.Validators.Add(result =>
        {
            if (result.GetResult(limit) is { Tokens.Count: > 0 } && result.GetResult(wait) is not { Implicit: false })
                result.AddError("--timeout is how long --wait waits; give --wait too.");
        });
        return command;
    }

    private async Task RunAsync(CoordinatorClient client, ParseResult parsed, OutputFormat format, CancellationToken cancel)
    {
        var wanted = await RequestAsync(client, isNode, parsed, names, labels, Person(parsed.GetValue(person)), cancel);
        wanted = wanted with
        {
            Reason = parsed.GetValue(reason),
            DeadlineMs = DurationOption.Of(parsed.GetValue(deadline)) is { } time ? (long)time.TotalMilliseconds : null,
        };
        var clock = Stopwatch.StartNew();
        var all = await client.DrainAsync(wanted, cancel);
        string[] targets = [.. wanted.Nodes ?? [], .. wanted.Gpus ?? []];
        var patience = DurationOption.Of(parsed.GetValue(limit));
        if (parsed.GetValue(wait))
            all = await WaitAsync(client, all, targets, patience, clock, cancel);
        Show([.. all.Where(drain => targets.Contains(drain.Target, StringComparer.Ordinal))]).Print(Console.Out, format);
    }

    private static async Task<IReadOnlyList<DrainView>> WaitAsync(
        CoordinatorClient client,
        IReadOnlyList<DrainView> all,
        string[] targets,
        TimeSpan? patience,
        Stopwatch clock,
        CancellationToken cancel)
    {
        while (true)
        {
            var mine = all.Where(drain => targets.Contains(drain.Target, StringComparer.Ordinal)).ToArray();
            if (targets.Except(mine.Select(drain => drain.Target), StringComparer.Ordinal).FirstOrDefault() is { } ended)
            {
                throw new CommandException(
                    ExitCodes.RunFailed,
                    $"{ended} is not drained any more: somebody has given it work again.",
                    "See 'coordinator events'.");
            }
            var busy = mine.Where(drain => drain.State != DrainView.Drained).ToArray();
            if (busy.Length == 0)
                return all;
            if (clock.Elapsed >= patience)
            {
                throw new CommandException(
                    ExitCodes.Unfinished,
                    $"{string.Join(", ", busy.Select(drain => drain.Target))} {(busy.Length == 1 ? "is" : "are")} not drained yet: "
                        + string.Join("; ", busy.SelectMany(drain => drain.Jobs).Select(job => $"{job.Job}: {job.Waits}").Distinct()) + ".",
                    "The drain goes on; wait again with the same command, or see 'coordinator nodes'.");
            }
            await Task.Delay(Period, cancel);
            all = await client.GetDrainsAsync(cancel);
        }
    }

    private static Command Uncordon(bool isNode)
    {
        var names = Names(isNode);
        var person = PersonOption();
        var labels = Labels();
        var command = QueryCommand.Create(
            isNode ? "node" : "gpu",
            isNode
                ? "Give nodes work again. Single gpus of theirs that were drained stay so."
                : "Give single gpus work again. Gpus of a drained node stay without.",
            isNode ? [names, labels, person] : [names, person],
            async (client, parsed, _, cancel) =>
            {
                var wanted = await RequestAsync(client, isNode, parsed, names, labels, Person(parsed.GetValue(person)), cancel);
                var before = (await client.GetDrainsAsync(cancel)).Select(drain => drain.Target).ToHashSet(StringComparer.Ordinal);
                await client.UncordonAsync(wanted, cancel);
                foreach (var target in (wanted.Nodes ?? []).Concat(wanted.Gpus ?? []).Distinct(StringComparer.Ordinal))
                    Console.WriteLine(before.Contains(target) ? $"{target} is given work again" : $"{target} was not drained");
            });
        if (isNode)
            GuardNames(command, names, labels);
        return command;
    }

    /// <summary>What labels mean is looked up once, so that a wait is for the nodes that were drained.</summary>
    private static async Task<DrainRequest> RequestAsync(
        CoordinatorClient client,
        bool isNode,
        ParseResult parsed,
        Argument<string[]> names,
        Option<string[]> labels,
        string by,
        CancellationToken cancel)
    {
        var named = parsed.GetValue(names) ?? [];
        if (!isNode)
            return new DrainRequest { Gpus = named, By = by };
        if (parsed.GetValue(labels) is { Length: > 0 } wanted)
        {
            var known = (await client.GetClusterAsync(cancel))?.Nodes ?? [];
            named = [.. known.Where(node => NodeLabels.HasAll(node.Labels, wanted)).Select(node => node.Id.Value)];
            if (named.Length == 0)
            {
                throw new CommandException(
                    ExitCodes.NotFound,
                    $"No node has the label {string.Join(" and ", wanted)}.",
                    "Labels are those of 'coordinator worker --label'; see 'coordinator nodes -o wide'.");
            }
        }

        return new DrainRequest { Nodes = named, By = by };
    }

    private static string Person(string? given) =>
        given ?? (Environment.UserName is { Length: > 0 } user ? user : "an operator");

    private static Listing Show(IReadOnlyList<DrainView> drains) => new(
        "DrainList",
        new JsonArray([.. drains.Select(drain => JsonSerializer.SerializeToNode(drain, MachinesJson.Default.DrainView))]),
        Columns,
        [
            .. drains.Select(drain => (IReadOnlyList<string>)
            [
                drain.Target, drain.State, drain.By, DrainText.Moment(drain.Since),
                drain.Until is { } until ? DrainText.Moment(until) : "-",
                drain.Jobs.Count == 0 ? "-" : string.Join(", ", drain.Jobs.Select(job => job.Job.Value)), drain.Reason,
            ]),
        ]);
}
