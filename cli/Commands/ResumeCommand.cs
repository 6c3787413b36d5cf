using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>resume</c>: goes on with a run of <c>train</c> that was ended, or whose processes all died.</summary>
public sealed class ResumeCommand
{
    private readonly PathArgument directory = new(
        PathUse.ReadFolder, "directory")
    { Description = "The run's directory: its --work-dir, or the one that 'train' printed." };
    private readonly PathOption output = new(PathUse.Write, "--out") { Description = "The model file to write (default: the run's own)." };
    private readonly Option<int?> workers = new("--workers", "-w")
    {
        Description = "Worker processes from now on, 1 or more, and no more than the job's shards need (default: as many as the run had). "
            + "The model is the same for any number.",
    };
    private readonly Option<long?> steps = new("--steps")
    {
        Description = "Optimizer steps of the job from now on, no fewer than it has. The learning rate falls to the step to which it fell "
            + "before, so the model is that of a job with these --steps and the old ones as --lr_scheduler.decay_steps. A finished job "
            + "goes on from its newest checkpoint.",
    };
    private readonly Option<int> port = new("--port")
    {
        Description = "Loopback port of the silo; 0 takes a free one.",
        DefaultValueFactory = _ => 0,
    };

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
        steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<long?>() is < 1)
                result.AddError("--steps is less than 1; choose at least the steps that the job has.");
        });
        var command = new Command(
            "resume",
            "Go on with a run of 'train' that was ended or whose processes died: from its newest complete checkpoint, to the same model.")
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
        record = record.WithOutput(model.Path);
        using var signals = new Signals();

        // More steps or other workers are asked of the job itself; else there is nothing to start.
        if (record.ModelSha256 is { } finished && parsed.GetValue(steps) is null && parsed.GetValue(workers) is null
            && await FinishedRun.PlaceAsync(record, run, model, signals.Token))
        {
            Console.WriteLine($"already finished: {finished}  {record.Output}");
            return ExitCodes.Success;
        }

        if (parsed.GetValue(workers) is { } count)
            record = record.WithWorkers(ArgumentsFor(count, record));
        try
        {
            var sha256 = await new LocalRun(record, run, model, SiloBackend.Alone, parsed.GetValue(port), signals).ResumeAsync(
                parsed.GetValue(steps), forWorkers: parsed.GetValue(workers) is not null);
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
        if (record.RunningSpec() is { } spec)
        {
            var (shards, least, perWorker) = (spec.Training.Shards, spec.MinRanks, record.GpusPerWorker);
            if ((long)(count - 1) * perWorker >= shards)
            {
                throw new CommandException(
                    ExitCodes.Usage,
                    $"--workers is {count}, and the job has {shards} shards (training.shards), of which a rank computes at least one, and "
                        + $"each worker has {perWorker} of its ranks: some workers would have nothing to do.",
                    $"Choose 1 to {(shards + perWorker - 1) / perWorker}. A job's shards decide its bits and never change.");
            }

            if ((long)count * perWorker < least)
            {
                throw new CommandException(
                    ExitCodes.Usage,
                    $"--workers is {count}, which makes {Counted.Of(count * perWorker, "rank")}, and the job goes on with no fewer than "
                        + $"{least} (job.min_ranks).",
                    $"Choose at least {(least + perWorker - 1) / perWorker}.");
            }
        }

        var asked = record.AsAsked().WorkerArguments;
        return [.. Enumerable.Range(0, count).Select(worker => asked[worker % asked.Count].ToArray())];
    }
}
