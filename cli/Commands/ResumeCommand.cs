using System.CommandLine;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Cli.Paths;
using Coordinator.Cli.Runs;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>resume</c>: goes on with a run of <c>train</c> that was ended, or whose processes all died.</summary>
public sealed class ResumeCommand
{
    private readonly PathArgument directory = new(PathUse.ReadFolder, "directory") { Description = "The run's directory: its --work-dir, or the one that 'train' printed." };
    private readonly PathOption output = new(PathUse.Write, "--out") { Description = "The model file to write (default: the run's own)." };
    private readonly Option<int?> workers = new("--workers", "-w")
    {
        Description = "Worker processes from now on, 1 or more, and no more than the job's ranks need (default: as many as the run had). The model is the same for any number.",
    };
    private readonly Option<string?> steps = new("--steps") { Description = "Refused, with what can be done in its place.", Hidden = true };
    private readonly Option<int> port = new("--port") { Description = "Loopback port of the silo; 0 takes a free one.", DefaultValueFactory = _ => 0 };

    /// <summary>The command.</summary>
    public static Command Create() => new ResumeCommand().Build();

    private Command Build()
    {
        Checks.InRange(port, 0, 65535);
        workers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1)
                result.AddError("--workers is less than 1; choose 1 or more.");
        });
        steps.Validators.Add(result => result.AddError(
            "--steps cannot be changed: the learning rate falls until a job's last step, so every step of another number of steps would have had other bits. "
            + "To train the model further, start a job from it: coordinator train --init MODEL --steps N"));
        var command = new Command("resume", "Go on with a run of 'train' that was ended or whose processes died: from its newest complete checkpoint, to the same model.")
        {
            directory, output, workers, steps, port,
        };
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        StandardStreams.NeverWait();
        var path = directory.Full(parsed);
        RunRecord.Load(path);
        using var run = RunDirectory.Take(path, "The directory");

        // Again, now that nobody else writes it.
        var record = RunRecord.Load(path);
        var model = output.Output(parsed) ?? OutputPath.Look("--out", record.Output);
        if (model.IsStandardOutput)
            Console.SetOut(Console.Error);
        record = record with { Output = model.Path };
        if (parsed.GetValue(workers) is { } count)
            record = record with { WorkerArguments = ArgumentsFor(count, record) };
        using var signals = new Signals();
        try
        {
            var sha256 = await new LocalRun(record, run, model, SiloBackend.Alone, parsed.GetValue(port), signals).ResumeAsync();
            Console.WriteLine($"{sha256}  {record.Output}");
            return ExitCodes.Success;
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            Console.Error.WriteLine("stopped; all processes of the run have ended, and it can be resumed again");
            return code;
        }
    }

    /// <summary>Workers behind the run's last one get devices from its first one on, as in <c>train</c>.</summary>
    private static string[][] ArgumentsFor(int count, RunRecord record)
    {
        if (record.ReadSpec() is { } spec && (count - 1) * record.GpusPerWorker >= spec.Ranks)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"--workers is {count}, and the job has {spec.Ranks} ranks (job.ranks) of which each worker takes {record.GpusPerWorker}: some workers would have nothing to do.",
                $"Choose 1 to {(spec.Ranks + record.GpusPerWorker - 1) / record.GpusPerWorker}. A job keeps its number of ranks; give 'train' a higher --job.ranks for one that is to grow later.");
        }

        return [.. Enumerable.Range(0, count).Select(worker => record.WorkerArguments[worker % record.WorkerArguments.Count].ToArray())];
    }
}
