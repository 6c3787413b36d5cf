using System.CommandLine;
using System.Diagnostics;
using Coordinator.Cli.Paths;
using Coordinator.Cli.Workers;
using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Processes;
using Coordinator.Server.Hosting;
using Coordinator.Worker;
using Coordinator.Worker.Data;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;
using Coordinator.Worker.Programs;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>verify</c>: whether a program of one's own keeps what a job promises, as far as a search can tell, before a cluster is spent on it.
/// </summary>
public sealed class VerifyCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly PathArgument script = new(PathUse.Read, "program")
    {
        Description = "The Python script, an assembly of .NET (.dll), or a file that runs by itself.",
    };
    private readonly PathOption file = new(PathUse.Read, "--file", "-f")
    {
        Description = "Job file (YAML) that the program is to run with.",
    };
    private readonly PathOption data = new(PathUse.ReadAny, "--data")
    {
        Description = "The data that the program reads, as for train (default: none).",
    };
    private readonly Option<string?> python = new("--python")
    {
        Description = "The interpreter that runs a Python program, by name or path (default: python3).",
    };
    private readonly DeviceOptionSet devices = new();
    private readonly Option<bool> identity = new("--identity") { Hidden = true };

    /// <summary>The command.</summary>
    public static Command Create() => new VerifyCommand().Build();

    private Command Build()
    {
        var command = new Command(
            "verify",
            "Search a program of your own for what would break the promise of equal bits: shards computed again, in other orders, in other "
                + "processes, under load.\n"
            + "It searches and does not prove. Keys of a job file can be given as options, as for train.")
        {
            script, file, data, python, identity,
        };
        devices.AddTo(command);
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        List<string> overrides = [$"--{JobKeys.ProgramPath}={script.Full(parsed)}"];
        if (parsed.GetValue(python) is { } wanted)
            overrides.Add($"--program.python={wanted}");
        var loaded = JobFile.LoadJob(file.Full(parsed), overrides.Concat(parsed.UnmatchedTokens));
        using var signals = new Signals();
        using var chosen = devices.Choose(parsed, ranks: 1);
        using var directory = RunDirectory.Take(given: null);
        var store = directory.File("data");
        try
        {
            var (spec, _) = (parsed.GetValue(data) ?? loaded.DataPath) is { } path ? TrainingData.Freeze(loaded.Spec, path, directory)
                : (loaded.Spec, null);
            (spec, var packed) = OwnProgram.Freeze(spec, loaded.ProgramPath, directory);
            OwnProgram.Check(spec, packed);
            var policy = new ProgramPolicy { Allowed = true };
            using var launcher = new ProgramLauncher(policy, directory.Path, Environment.ProcessId, new ConsoleLog("verify"));
            using var programs = new WorkerPrograms(new DataStore(store), new CpuDeviceOptions(), chosen.Devices, chosen.Backends)
            {
                Launcher = launcher,
                Folders = new ProgramFolders(directory.File("programs"), policy),
            };
            IOwnDevice Start(JobSpec of, CancellationToken cancel) =>
                (IOwnDevice)programs.Create(new JobId("verify"), of, new GpuId(new NodeId("verify"), 0), cancel);

            if (parsed.GetValue(identity))
            {
                using var device = Start(spec, signals.Token);
                Console.WriteLine(device.Identity);
                return ExitCodes.Success;
            }

            var how = ProgramKinds.Of(spec) is { IsLoaded: true } ? ""
                : $" with {spec.Program!.Python}, {Counted.Of(spec.Program.Threads, "thread")}";
            Console.WriteLine($"verifying {spec.Program!.Entry}{how}, {Counted.Of(spec.Training.Shards, "shard")} of "
                + $"{spec.Training.BatchSize} samples");
            List<string> findings = [.. new ProgramVerifier(spec, Start, line => Console.WriteLine($"  {line}")).Run(signals.Token)];
            if (ProgramKinds.Of(spec) is { IsLoaded: true } && findings.Count == 0)
                findings.AddRange(await InAnotherProcessAsync(parsed, Start, spec, signals.Token));
            if (findings.Count == 0)
            {
                Console.WriteLine("nothing differed: this searches and does not prove");
                return ExitCodes.Success;
            }

            throw new CommandException(
                ExitCodes.RunFailed,
                $"{spec.Program.Entry} does not compute the same bits: {string.Join("; ", findings)}.",
                $"The usual suspects: {string.Join("; ", ProgramVerifier.Suspects)}. 'coordinator train --allow-nondeterminism' trains "
                    + "anyway, without any promise.");
        }
        catch (RankFaultException failed)
        {
            throw new CommandException(
                ExitCodes.RunFailed,
                $"The program cannot be verified: {failed.Message}.",
                "Mend it, or name the interpreter that has its packages with --python.",
                failed);
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            return code;
        }
        finally
        {
            directory.RemoveIfTemporary();
        }
    }

    /// <summary>
    /// A program that is loaded has had one process so far, and hashes of texts, for one, differ only between processes: the same command
    /// again, which says what it computes.
    /// </summary>
    private async Task<IReadOnlyList<string>> InAnotherProcessAsync(
        ParseResult parsed, Func<JobSpec, CancellationToken, IOwnDevice> start, JobSpec spec, CancellationToken cancel)
    {
        Console.WriteLine("  a second process");
        using var device = start(spec, cancel);
        var command = OwnExecutable.Command([.. parsed.Tokens.Select(token => token.Value), identity.Name]);
        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        using var process = Process.Start(command)!;
        try
        {
            var (said, complaint) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            if (process.ExitCode != ExitCodes.Success)
                return [$"a second process failed: {PlainText.Line(await complaint, 500)}"];
            var other = (await said).Trim();
            return other == device.Identity ? [] : [$"two processes differ: {ProgramIdentity.Explain(other, device.Identity)}"];
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
