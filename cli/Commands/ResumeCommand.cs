using System.CommandLine;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Cli.Runs;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>resume</c>: goes on with a run of <c>train</c> that was ended, or whose processes all died.</summary>
public static class ResumeCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var directory = new Argument<string>("directory") { Description = "The run's directory: its --work-dir, or the one that 'train' printed." };
        var port = new Option<int>("--port") { Description = "Loopback port of the silo; 0 takes a free one.", DefaultValueFactory = _ => 0 };
        Checks.InRange(port, 0, 65535);
        var command = new Command("resume", "Go on with a run of 'train' that was ended or whose processes died: from its newest complete checkpoint, to the same model.") { directory, port };
        command.SetAction(async (parsed, _) =>
        {
            StandardStreams.NeverWait();
            var path = Path.GetFullPath(parsed.GetValue(directory)!);
            var record = RunRecord.Load(path);
            using var signals = new Signals();
            try
            {
                var sha256 = await new LocalRun(record, RunDirectory.Create(path), SiloBackend.Embedded, parsed.GetValue(port), signals).ResumeAsync();
                Console.WriteLine($"{sha256}  {record.Output}");
                return ExitCodes.Success;
            }
            catch (OperationCanceledException) when (signals.ExitCode is { } code)
            {
                Console.Error.WriteLine("stopped; all processes of the run have ended, and it can be resumed again");
                return code;
            }
        });
        return command;
    }
}
