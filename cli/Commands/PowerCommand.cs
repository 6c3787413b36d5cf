using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>power</c>: what the site draws and may draw, and who waits for it or gives back.</summary>
public static class PowerCommand
{
    private static readonly IReadOnlyList<Column> Columns =
        [new("JOB"), new("PRIORITY"), new("WANTED"), new("GPUS"), new("GIVES BACK"), new("STARTING"), new("HELD", true)];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = QueryCommand.Create(
            "power", "Show what the site draws by reckoning and may draw, and what jobs have of it.", [], async (client, _, cancel) =>
                Show(await client.GetPowerAsync(cancel)));
        command.Subcommands.Add(CreateSet());
        command.Subcommands.Add(CreateCap());
        command.Subcommands.Add(CreateApprove());
        command.Subcommands.Add(QueryCommand.Create(
            "clear", "Take all limits of power away.", [], async (client, _, cancel) => Show(await client.ClearPowerAsync(cancel))));
        return command;
    }

    private static Command CreateSet()
    {
        var gpu = WattsOption.Create("--watts-per-gpu", "Draw of a gpu at full load.");
        var node = WattsOption.Create("--watts-per-node", "Draw of a host beside its gpus.");
        var cap = WattsOption.Create("--site-cap", "Most that the site may draw; none: no cap.", mayBeNone: true);
        var line = WattsOption.Create(
            "--approval-line",
            "Most that the site may draw before the utility approves more; none: no approval is needed.",
            mayBeNone: true);
        var ramp = WattsOption.Create(
            "--ramp", "Most by which the draw may rise in a second, such as 5MW/s; none: no limit.", mayBeNone: true, perSecond: true);
        var overhead = new Option<double?>("--overhead")
        {
            Description = "What the site draws for each watt of its gpus and hosts (PUE), such as 1.25.",
        };
        overhead.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<double?>() is { } value
                && !(value >= 1 && value <= PowerSettings.MostOverhead))
            {
                result.AddError(
                    string.Create(CultureInfo.InvariantCulture, $"--overhead is {value}; choose 1 to {PowerSettings.MostOverhead}."));
            }
        });
        var classes = new Option<ClassPower[]>("--class")
        {
            Description = "Draw of gpus and hosts of a class of devices, CLASS=GPU,NODE, such as cpu-x64=200W,300W; may be given more than "
                + "once, in place of all that were given before.",
            CustomParser = result => [.. result.Tokens.Select(token => ReadClass(token.Value, result.AddError)).OfType<ClassPower>()],
        };
        return QueryCommand.Create("set", "Say how much power there is. What is not given stays as it is; settings begin with 700 W a gpu, "
            + "2 kW a host and no limits.", [gpu, node, overhead, cap, line, ramp, classes], async (client, parsed, cancel) =>
        {
            var members = new JsonObject();
            Add("wattsPerGpu", parsed.GetValue(gpu));
            Add("wattsPerNode", parsed.GetValue(node));
            Add("siteCapWatts", parsed.GetValue(cap));
            Add("approvalLineWatts", parsed.GetValue(line));
            Add("rampWattsPerSecond", parsed.GetValue(ramp));
            if (parsed.GetValue(overhead) is { } factor)
                members["overhead"] = factor;
            if (parsed.GetValue(classes) is { Length: > 0 } given)
            {
                members["classes"] = new JsonArray([.. given.Select(one => new JsonObject
                {
                    ["deviceClass"] = one.DeviceClass, ["wattsPerGpu"] = one.WattsPerGpu, ["wattsPerNode"] = one.WattsPerNode,
                })]);
            }
            if (members.Count == 0)
                throw new CommandException(ExitCodes.Usage, "Nothing is given to be set.", "See 'coordinator power set --help'.");
            return Show(await client.SetPowerAsync(members, cancel));

            void Add(string name, long? watts)
            {
                if (watts is { } value)
                    members[name] = value < 0 ? null : JsonValue.Create(value);
            }
        });
    }

    private static ClassPower? ReadClass(string text, Action<string> complain)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0 && text[(equals + 1)..].Split(',') is [var gpu, var node] && PowerText.TryParse(gpu, out var gpuWatts)
            && PowerText.TryParse(node, out var nodeWatts))
        {
            return new ClassPower(text[..equals], gpuWatts, nodeWatts);
        }
        complain($"--class is '{text}'; write CLASS=GPU,NODE with the draw of a gpu and of its host, such as cpu-x64=200W,300W.");
        return null;
    }

    private static Command CreateCap()
    {
        var cap = new Argument<string>("cap") { Description = "What the site may draw from now on, such as 80MW; none: no cap." };
        cap.Validators.Add(result =>
        {
            if (result.Tokens is [var only] && Read(only.Value).Problem is { } problem)
                result.AddError($"The cap is {problem}");
        });
        return QueryCommand.Create("cap", "Lower or raise what the site may draw. Jobs give gpus back at the end of a step, the least "
            + "important first, and get them back later.", [cap], async (client, parsed, cancel) =>
        {
            var watts = Read(parsed.GetValue(cap)!).Watts;
            return Show(await client.SetSiteCapAsync(watts < 0 ? null : watts, cancel));
        });
    }

    private static (long Watts, string? Problem) Read(string cap) => WattsOption.Read(cap, mayBeNone: true, perSecond: false);

    private static Command CreateApprove()
    {
        var revoke = new Option<bool>("--revoke") { Description = "The approval does not hold any more." };
        var reason = new Option<string>("--reason") { Description = "By whom or what, for the events.", DefaultValueFactory = _ => "" };
        return QueryCommand.Create(
            "approve",
            "Say that the utility has approved what is above the approval line.",
            [revoke, reason],
            async (client, parsed, cancel) =>
                Show(await client.ApprovePowerAsync(!parsed.GetValue(revoke), parsed.GetValue(reason)!, cancel)));
    }

    private static Listing Show(PowerView power)
    {
        Console.Error.WriteLine(Summary(power));
        if (power.Settings is { } settings)
            Console.Error.WriteLine(Words(settings, power.Approved));
        foreach (var held in power.Jobs.Where(job => job.Held.Length > 0))
            Console.Error.WriteLine($"{held.Job}: {held.Held}");
        return new Listing("Power", JsonSerializer.SerializeToNode(power, MachinesJson.Default.PowerView)!, Columns,
        [
            .. power.Jobs.Select(job => (IReadOnlyList<string>)
                [
                    job.Job.Value, $"{job.Priority}", $"{job.Wanted}", $"{job.Gpus}", $"{job.GivingBack}", $"{job.Waiting}",
                    job.Held.Length == 0 ? "-" : job.Held,
                ]),
        ]);
    }

    private static string Summary(PowerView power)
    {
        if (power.Settings is null)
        {
            return $"{Counted.Of(power.Gpus, "gpu")} of jobs and {Counted.Of(power.Hosts, "host")}; no watts are set, and power limits "
                + $"nothing";
        }
        var text = $"{Counted.Of(power.Gpus, "gpu")} of jobs and {Counted.Of(power.Hosts, "host")} draw "
            + $"{PowerText.Of(power.DrawWatts - power.WaitingWatts)}"
            + (power.UsableWatts is { } usable ? $" of {PowerText.Of(usable)} that are usable" : "; no limit");
        if (power.WaitingWatts > 0)
            text += $"; {PowerText.Of(power.WaitingWatts)} more are to start";
        return power.OverWatts > 0
            ? $"{text}; {PowerText.Of(power.OverWatts)} too much remain, for every running job keeps a gpu that holds its state"
            : text;
    }

    private static string Words(PowerSettings settings, bool approved) => string.Create(
        CultureInfo.InvariantCulture,
        $"site cap {Or(settings.SiteCapWatts)}; approval line "
            + $"{Or(settings.ApprovalLineWatts)}{(settings.ApprovalLineWatts is null ? "" : approved ? " (approved)" : " (not approved)")}; ramp {Or(settings.RampWattsPerSecond)}{(settings.RampWattsPerSecond is null ? "" : "/s")}; {settings.WattsPerGpu} W a gpu, {settings.WattsPerNode} W a host, overhead {settings.Overhead}{string.Concat(settings.Classes.Select(other => $"; {other.DeviceClass}: {other.WattsPerGpu} W, {other.WattsPerNode} W"))}");

    private static string Or(long? watts) => watts is { } some ? PowerText.Of(some) : WattsOption.None;
}
