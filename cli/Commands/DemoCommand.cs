using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Runs.Demo;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>demo</c>: the project's promise, shown: kills, and the same file.</summary>
public static class DemoCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var data = new PathOption(PathUse.ReadAny, "--data")
        {
            Description = "A text file, a directory or a glob to train on (default: the repository's own sources and documents).",
        };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Decides the training, and who is killed when.",
            DefaultValueFactory = _ => 1,
        };
        var output = new PathOption(PathUse.Folder, "--out")
        {
            Description = "Directory for the two model files.",
            DefaultValueFactory = _ => "coordinator-demo",
        };
        var prompt = new Option<string>("--prompt")
        {
            Description = "What the trained model is to go on from.",
            DefaultValueFactory = _ => "/// <summary>The worker ",
        };
        var workDirectory = new PathOption(PathUse.Folder, "--work-dir")
        {
            Description = "Where databases and logs go and stay (default: a temporary directory).",
        };
        var quick = new Option<bool>("--quick")
        {
            Description = "A tiny model and few steps: seconds instead of minutes, and no legible text.",
        };
        var steps = new Option<long?>("--steps")
        {
            Description = $"Optimizer steps, {KillSchedule.MinSteps} or more: fewer for a slow device such as ilgpu:cpu, more for a GPU, "
                + "so that workers are back before the next is killed (default: 1500; 3000 with --quick on several silos).",
        };
        steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<long?>() is < KillSchedule.MinSteps)
            {
                result.AddError(
                    $"--steps is {result.GetValueOrDefault<long?>()}; the kills need {KillSchedule.MinSteps} or more to lie apart.");
            }
        });
        var inject = new Option<string?>("--inject")
        {
            Description = "flip: one worker flips one bit of one contribution, and the demo must notice and exit 1.",
        };
        inject.AcceptOnlyFromAmong("flip");
        var silos = new SilosOptionSet();
        var devices = new DeviceOptionSet();
        var command = new Command(
            "demo",
            "Train a GPT on four worker processes while they are killed, then undisturbed, and compare the two files bit by bit.")
        {
            data, seed, output, prompt, workDirectory, quick, steps, inject,
        };
        silos.AddTo(command);
        devices.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var folder = output.Full(parsed)!;
            foreach (var name in DemoRunner.Names)
                OutputPath.Look(output.Name, DemoRunner.PathOf(folder, name));
            StandardStreams.NeverWait();
            using var signals = new Signals();
            var options = new DemoOptions
            {
                Data = parsed.GetValue(data),
                Seed = parsed.GetValue(seed),
                Output = folder,
                Prompt = parsed.GetValue(prompt)!,
                WorkDirectory = workDirectory.Folder(parsed),
                Backend = silos.Read(parsed),
                Devices = devices.ForWorkers(parsed, gpusPerWorker: 1),
                Quick = parsed.GetValue(quick),
                Steps = parsed.GetValue(steps),
                Flip = parsed.GetValue(inject) is not null,
            };
            try
            {
                var report = await new DemoRunner(options).RunAsync(signals.Token);
                if (report.Good && !options.Quick && !signals.Token.IsCancellationRequested)
                    ClosingAct.Play(report, options.Seed, options.Output, Console.Out);
                return report.Good ? ExitCodes.Success : ExitCodes.RunFailed;
            }
            catch (OperationCanceledException) when (signals.ExitCode is { } code)
            {
                Console.Error.WriteLine("stopped; all processes of the demo have ended");
                return code;
            }
        });
        return command;
    }
}
