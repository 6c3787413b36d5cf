using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Disk;
using Coordinator.Runs.Alerts;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Server.Files;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>alerts</c>: watches a cluster from outside, and tells what an operator is to see to.</summary>
internal sealed class AlertsCommand
{
    private const int MostBytes = 1 << 20;
    private static readonly TimeSpan Last = TimeSpan.FromSeconds(5);

    private readonly ConnectionOptions connection = new();
    private readonly PathOption rules = new(PathUse.Read, "--rules")
    {
        Description = "File with rules (default: those that --print-rules prints).",
    };

    private readonly Option<Uri?> hook = new("--web-hook") { Description = "Address to which each alert is posted as JSON." };
    private readonly PathOption command = new(PathUse.Read, "--command")
    {
        Description = "Program that is run for each alert, with the alert as JSON on its standard input.",
    };

    private readonly Option<string?> period = new("--period") { Description = "How often to look (default: 10s)." };
    private readonly Option<string?> limit = new("--for") { Description = "How long to watch (default: until it is ended)." };
    private readonly Option<bool> print = new("--print-rules") { Description = "Print the rules as they are shipped, to copy and edit." };

    /// <summary>The command.</summary>
    public static Command Create() => new AlertsCommand().Build();

    private Command Build()
    {
        var built = new Command(
            "alerts", "Watch a cluster from outside, and tell on standard error, to a web hook or to a program what is to be seen to.")
        {
            rules, hook, command, period, limit, print,
        };
        connection.AddTo(built);
        DurationOption.Guard(period, TimeSpan.FromHours(1));
        DurationOption.Guard(limit, TimeSpan.FromDays(40));
        hook.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !ConnectionOptions.IsUrl(token.Value))
                result.AddError("--web-hook is no address of a web hook; write http://HOST/PATH or https://HOST/PATH.");
        });
        built.SetAction((parsed, _) => RunAsync(parsed));
        return built;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        if (parsed.GetValue(print))
        {
            Console.Write(AlertRules.DefaultText);
            return ExitCodes.Success;
        }

        var read = Read(rules.Full(parsed));
        var program = command.Full(parsed) is { } path ? Executable(path) : null;
        using var signals = new Signals();
        using var cluster = connection.Connect(parsed);
        using var http = new HttpClient(SiloHttp.CreateHandler(parsed.GetValue(connection.Proxy)));
        var silos = cluster.Url.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Distinct();
        var token = ConnectionOptions.ReadToken(parsed.GetValue(connection.TokenFile));
        CoordinatorClient[] each = [.. silos.Select(silo => new CoordinatorClient(silo, token, parsed.GetValue(connection.Proxy)))];
        List<AlertDelivery> deliveries = [];
        try
        {
            if (parsed.GetValue(hook) is { } address)
                deliveries.Add(new AlertDelivery(new WebHookSink(http, address), Complain));
            if (program is not null)
                deliveries.Add(new AlertDelivery(new CommandSink(program), Complain));
            await WatchAsync(new ClusterEyes(cluster, each), read, parsed, deliveries, signals.Token);
            await Task.WhenAll(deliveries.Select(delivery => delivery.FlushAsync(Last)));
            return signals.ExitCode ?? ExitCodes.Success;
        }
        finally
        {
            foreach (var delivery in deliveries)
                await delivery.DisposeAsync();
            foreach (var silo in each)
                silo.Dispose();
        }
    }

    private async Task WatchAsync(
        ClusterEyes eyes, AlertRules read, ParseResult parsed, List<AlertDelivery> deliveries, CancellationToken cancel)
    {
        var policy = new AlertPolicy(read);
        var pause = DurationOption.Of(parsed.GetValue(period)) is { Ticks: > 0 } given ? given : TimeSpan.FromSeconds(10);
        var until = DurationOption.Of(parsed.GetValue(limit)) is { } time ? DateTimeOffset.UtcNow + time : DateTimeOffset.MaxValue;
        Console.Error.WriteLine($"watching {connection.FindSilo(parsed)}");
        try
        {
            while (true)
            {
                var now = DateTimeOffset.UtcNow;
                foreach (var alert in policy.Take(await eyes.LookAsync(read.Longest, now, cancel), now))
                {
                    Console.Error.WriteLine($"{alert.At.LocalDateTime:HH:mm:ss} {AlertText.Line(alert)}");
                    foreach (var delivery in deliveries)
                        delivery.Add(alert);
                }

                if (now + pause > until)
                    return;
                await Task.Delay(pause, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // It is asked to end; what is to be told yet is told first.
        }
    }

    /// <summary>A program that cannot be run is found out before the first alert and not by it.</summary>
    private static string Executable(string path)
    {
        return WhyNoProgram(path) is { } why
            ? throw new CommandException(ExitCodes.Usage, $"The program {path} of --command cannot be used: {why}.", "Name a program.")
            : path;
    }

    private static string? WhyNoProgram(string path)
    {
        const UnixFileMode run = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        try
        {
            return FileKinds.Of(path) is var kind && kind == FileKind.Missing ? "there is no such file"
                : kind != FileKind.Regular ? "it is no regular file"
                : !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & run) == 0 ? "it may not be executed"
                : null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return refused.Message;
        }
    }

    private static AlertRules Read(string? path)
    {
        if (path is null)
            return new AlertRules();
        try
        {
            var text = RegularFile.ReadNamedText(path, MostBytes);
            return string.IsNullOrWhiteSpace(text) ? throw new FormatException("it is empty") : AlertRules.Parse(text);
        }
        catch (Exception refused) when (refused is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The rules {path} cannot be used: {refused.Message}.",
                "Begin with what 'coordinator alerts --print-rules' prints.");
        }
    }

    private static void Complain(string text) => Console.Error.WriteLine($"warning: {text}");
}
