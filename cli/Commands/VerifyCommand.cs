using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Cli.Workers;
using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;
using Coordinator.Worker;
using Coordinator.Worker.Data;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>verify</c>: whether a program of one's own keeps what a job promises, as far as a search can tell, before a cluster is spent on it.
/// </summary>
public sealed class VerifyCommand
{
    private readonly PathArgument script = new(PathUse.Read, "program")
    {
        Description = "The Python script, or a file that runs by itself.",
    };
    private readonly PathOption file = new(PathUse.Read, "--file", "-f")
    {
        Description = "Job file (YAML) that the program is to run with.",
    };
    private readonly Option<string?> python = new("--python")
    {
        Description = "The interpreter that runs a Python program, by name or path (default: python3).",
    };

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
            script, file, python,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => Task.FromResult(Run(parsed)));
        return command;
    }

    private int Run(ParseResult parsed)
    {
        List<string> overrides = [$"--{JobKeys.ProgramPath}={script.Full(parsed)}"];
        if (parsed.GetValue(python) is { } wanted)
            overrides.Add($"--program.python={wanted}");
        var loaded = JobFile.LoadJob(file.Full(parsed), overrides.Concat(parsed.UnmatchedTokens));
        using var signals = new Signals();
        var folder = Directory.CreateTempSubdirectory("coordinator-verify-").FullName;
        try
        {
            var (sha256, bytes) = ProgramFolder.Freeze(loaded.ProgramPath!, folder);
            var spec = loaded.Spec with { Program = loaded.Spec.Program! with { Sha256 = sha256, Bytes = bytes } };
            var unpacked = Path.Combine(folder, sha256);
            ProgramFolder.Unpack(DataStore.PathOf(folder, sha256), unpacked);
            using var launcher = new ProgramLauncher(
                new ProgramPolicy { Allowed = true }, folder, Environment.ProcessId, new ConsoleLog("verify"));
            var starts = 0;
            var verifier = new ProgramVerifier(
                spec,
                () => ProgramStart.Of(
                    new JobId("verify"),
                    spec,
                    spec.Program!,
                    unpacked,
                    data: null,
                    launcher,
                    new RankLogOptions(folder, ProgramFolders.StartLogName(0, ++starts))),
                line => Console.WriteLine($"  {line}"));
            Console.WriteLine(
                $"verifying {spec.Program!.Entry} with {spec.Program.Python}, {Counted.Of(spec.Program.Threads, "thread")}, "
                + $"{Counted.Of(spec.Training.Shards, "shard")} of {spec.Training.BatchSize} samples");
            var findings = verifier.Run(signals.Token);
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
        catch (ProgramFaultException failed)
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
            Directory.Delete(folder, recursive: true);
        }
    }
}
