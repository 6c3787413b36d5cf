using System.CommandLine;
using Coordinator.Cli.Output;
using Coordinator.Cli.Paths;
using Coordinator.Lab.Swarm;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>swarm</c>: thousands of node agents over real connections to a real silo, and what the control plane costs with them.
/// </summary>
public sealed class SwarmCommand
{
    private readonly Option<int> nodes = new("--nodes")
    {
        Description = "Nodes, each with a connection of its own.",
        DefaultValueFactory = _ => 12_500,
    };
    private readonly Option<int> gpus = new("--gpus-per-node") { Description = "Gpus of each node.", DefaultValueFactory = _ => 8 };
    private readonly Option<int?> ranks = new("--ranks")
    {
        Description = "Ranks of the job, evenly over the nodes (default: one on each node).",
    };
    private readonly Option<bool> gang = new("--gang")
    {
        Description = "Measure a gang of 'coordinator run' in place of a training job: on all nodes but one, which is its spare.",
    };
    private readonly Option<double> step = new("--step-seconds") { Description = "Time of a training step.", DefaultValueFactory = _ => 1 };
    private readonly Option<int> links = new("--links")
    {
        Description = "Nodes that a node has links to on the data plane: they notice its death.",
        DefaultValueFactory = _ => 16,
    };
    private readonly Option<int?> together = new("--together")
    {
        Description = "Nodes that die at once (default: 100, or a quarter of the nodes if that is fewer).",
    };
    private readonly Option<double> watch = new("--watch-seconds")
    {
        Description = "How long heartbeats alone are watched.",
        DefaultValueFactory = _ => 10,
    };
    private readonly Option<double> failures = new("--failures-per-hour")
    {
        Description = "Nodes that die in an hour, at times drawn from the seed, after the other measures; 0: none.",
    };
    private readonly Option<double> faultTime = new("--fault-seconds")
    {
        Description = "How long nodes die at that rate.",
        DefaultValueFactory = _ => 60,
    };
    private readonly Option<double> repair = new("--repair-seconds")
    {
        Description = "Time until such a node is back.",
        DefaultValueFactory = _ => 20,
    };
    private readonly Option<double> limit = new("--limit-seconds")
    {
        Description = "How long each measure may take; what takes longer is a miss, and ends the run.",
        DefaultValueFactory = _ => 120,
    };
    private readonly Option<ulong> seed = new("--seed")
    {
        Description = "Decides who dies, when, and what telemetry says.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<bool> assert = new("--assert")
    {
        Description = $"Exit with 1 unless all of these hold: {Names(SwarmLimit.Alone)}; with several silos: {Names(SwarmLimit.Several)}.",
    };
    private readonly Option<SwarmInjection> inject = new("--inject")
    {
        Description = "skip: one agent lets generations pass by. The measures must then miss, and the exit code be 1.",
    };
    private readonly Option<string?> silo = new("--silo")
    {
        Description = "Address of a silo that runs already, of several with commas "
        + "between them; it is not killed. Never one that has work to do: it gets the swarm's nodes."
    };
    private readonly Option<Uri?> proxy = ProxyOption.Create();
    private readonly PathOption token = new(PathUse.Read, "--token-file")
    {
        Description = $"File with that silo's token (else ${ConnectionVariables.TokenFile}).",
    };
    private readonly PathOption workDirectory = new(PathUse.Folder, "--work-dir")
    {
        Description = "Where database and logs go and stay (default: a temporary directory, which stays where something was missed).",
    };
    private readonly Option<OutputFormat> output = OutputOption.Create();
    private readonly SilosOptionSet silos = new();

    /// <summary>The command.</summary>
    public static Command Create() => new SwarmCommand().Build();

    private Command Build()
    {
        var command = new Command("swarm", "Connect thousands of node agents to a silo, let nodes and the silo die, and measure how long "
            + "the control plane takes and what it costs.")
        {
            nodes, gpus, ranks, gang, step, links, together, watch, failures, faultTime, repair, limit, seed, assert, inject, silo, token,
            proxy, workDirectory, output,
        };
        silos.AddTo(command);
        Checks.InRange(nodes, 3, 1_000_000);
        Checks.InRange(gpus, 1, 1024);
        Checks.InRange(step, 0.01, 3600);
        Checks.AtLeast(links, 1);
        Checks.InRange(watch, 0, 86_400);
        Checks.InRange(failures, 0, 1_000_000);
        Checks.InRange(faultTime, 1, 86_400);
        Checks.InRange(repair, 0, 86_400);
        Checks.InRange(limit, 1, 86_400);
        silo.Validators.Add(result =>
        {
            if (result.Tokens is [var given] && !ConnectionOptions.IsUrl(given.Value))
                result.AddError($"'{PlainText.Address(given.Value)}' is no address of a silo; write http://HOST:PORT.");
        });
        command.Validators.Add(result =>
        {
            if (result.Errors.Any())
                return;
            var (count, all) = (result.GetValue(nodes), (long)result.GetValue(nodes) * result.GetValue(gpus));
            if (result.GetValue(proxy) is not null && result.GetResult(silo) is null)
                result.AddError("--proxy is a way to a silo, and none is named; name it with --silo, or leave --proxy out.");
            if (result.GetValue(ranks) is { } wanted && (wanted < 3 || wanted > all || wanted > 1 << 20))
                result.AddError($"--ranks is {wanted}; choose 3 to {Math.Min(all, 1 << 20)}, the gpus that there are.");
            if (result.GetValue(together) is { } at && (at < 1 || at > count / 2))
                result.AddError($"--together is {at}; choose 1 to {count / 2}, half of the nodes.");
        });
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        var options = Read(parsed);
        var limits = parsed.GetValue(assert) ? SwarmLimit.Of(options) : [];
        StandardStreams.NeverWait();
        using var signals = new Signals();

        // A document is one piece; who waits for it sees the lines beside it.
        var format = parsed.GetValue(output);
        var isDocument = format is OutputFormat.Json or OutputFormat.Yaml;
        var lines = isDocument ? Console.Error : Console.Out;
        lines.WriteLine(SwarmReport.Heading(options));
        try
        {
            var report = await SwarmRun.RunAsync(
                options,
                measure =>
                {
                    foreach (var line in SwarmReport.Lines(measure))
                        lines.WriteLine(line);
                },
                signals.Token);
            foreach (var line in report.Closing(limits))
                lines.WriteLine(line);
            if (isDocument)
                new Listing("SwarmReport", report.ToJson(limits), [], []).Print(Console.Out, format);
            return report.Good && limits.All(limit => limit.IsKept(report.Measures)) ? ExitCodes.Success : ExitCodes.RunFailed;
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            Console.Error.WriteLine("stopped; all agents and processes have ended");
            return code;
        }
    }

    private static string Names(IEnumerable<SwarmLimit> limits) => string.Join("; ", limits.Select(limit => limit.Name));

    private SwarmOptions Read(ParseResult parsed)
    {
        var count = parsed.GetValue(nodes);
        var existing = parsed.GetValue(silo);
        return new SwarmOptions
        {
            Nodes = count,
            Gang = parsed.GetValue(gang),
            GpusPerNode = parsed.GetValue(gpus),
            Ranks = parsed.GetValue(ranks) ?? (parsed.GetValue(gang) ? count * parsed.GetValue(gpus) : count),
            StepTime = TimeSpan.FromSeconds(parsed.GetValue(step)),
            Links = parsed.GetValue(links),
            Together = parsed.GetValue(together) ?? Math.Clamp(count / 4, 1, 100),
            Watch = TimeSpan.FromSeconds(parsed.GetValue(watch)),
            FailuresPerHour = parsed.GetValue(failures),
            FaultTime = TimeSpan.FromSeconds(parsed.GetValue(faultTime)),
            Repair = TimeSpan.FromSeconds(parsed.GetValue(repair)),
            Limit = TimeSpan.FromSeconds(parsed.GetValue(limit)),
            Seed = parsed.GetValue(seed),
            Inject = parsed.GetValue(inject),
            Backend = existing is null ? silos.Read(parsed) : null,
            Silo = existing ?? "",
            Proxy = parsed.GetValue(proxy),
            Token = existing is null ? "" : ConnectionOptions.ReadToken(token.Full(parsed)),
            WorkDirectory = workDirectory.Folder(parsed),
        };
    }
}
