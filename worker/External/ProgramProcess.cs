using Coordinator.Worker.Processes;

namespace Coordinator.Worker.External;

/// <summary>A program's process, from its start to the words that say how it ended. Its output is a log of its own.</summary>
internal sealed class ProgramProcess : IDisposable
{
    private const int LastWords = 4;

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FarewellLimit = TimeSpan.FromSeconds(8);

    private readonly RunningProgram program;

    private ProgramProcess(RunningProgram program) => this.program = program;

    /// <summary>The process's number.</summary>
    public int Id => program.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => program.Exited.IsCompleted;

    /// <summary>Starts one.</summary>
    /// <param name="launch">How.</param>
    /// <param name="owned">Paths that the program's user is to own, where it has one of its own.</param>
    /// <exception cref="ProgramFaultException">It cannot be started.</exception>
    public static ProgramProcess Start(ProgramLaunch launch, params IReadOnlyList<string> owned)
    {
        RankLog? log = null;
        try
        {
            log = new RankLog(launch.Log);
            return new ProgramProcess(launch.Launcher.Start(
                new ProgramCommand
                {
                    Arguments = launch.Command,
                    WorkFolder = launch.Folder,
                    Environment = ProgramEnvironment.Of(ProgramEnvironment.OfThisProcess(), launch.Launcher.Policy, launch.Variables),
                    OwnedFolders = owned,
                },
                log));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            log?.Dispose();
            throw new ProgramFaultException($"{launch.Command[0]} cannot be started: {refused.Message}", refused);
        }
    }

    /// <summary>How it ended, with its last words; waits for its end a little.</summary>
    public string Ending()
    {
        if (!program.Exited.Wait(EndLimit))
            return "it closed its connection and runs on";
        var exit = program.Exited.Result;
        var how = exit.Signal is { } signal ? $"it was killed by {SignalNames.Describe(signal)}" : $"it ended with exit code {exit.Code}";
        var words = program.Log.LastErrors(LastWords);
        return words.Count == 0 ? how : $"{how}; its last words: {string.Join(" | ", words)}";
    }

    /// <summary>Something about it, for whoever reads its log.</summary>
    public void Note(string text) => program.Log.Note(text);

    /// <summary>Ends it at once.</summary>
    public void Kill() => program.Kill();

    /// <summary>Lets it end by itself for a little, and then ends it.</summary>
    public void Dispose()
    {
        if (!program.Exited.Wait(FarewellLimit))
            Kill();
        program.Exited.Wait(EndLimit);
    }
}
