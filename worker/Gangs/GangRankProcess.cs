using Coordinator.Machines;
using Coordinator.Worker.Processes;

namespace Coordinator.Worker.Gangs;

/// <summary>One process of a gang on this node: the program, its log, and the files by which it and its worker talk.</summary>
internal sealed class GangRankProcess(int rank, string folder, RankLog log)
{
    private const int KeptLines = 12;
    private const int LongestLine = 400;
    private static readonly string[] WordsOfTakenPorts = ["EADDRINUSE", "Address already in use", "errno: 98"];

    private volatile bool isHung;

    public int Rank => rank;

    public RankLog Log => log;

    public RunningProgram? Program { get; set; }

    /// <summary>When it showed last that it lives: by output, or by touching its file.</summary>
    public TimeSpan HeardAt
    {
        get
        {
            var touched = Monotonic.Now - (DateTime.UtcNow - File.GetLastWriteTimeUtc(Path.Combine(folder, "heartbeat")));
            return touched > log.OutputAt && touched <= Monotonic.Now ? touched : log.OutputAt;
        }
    }

    /// <summary>Says in its log what can be had of it, and kills it.</summary>
    public async Task EndHungAsync(TimeSpan silent)
    {
        if (isHung || Program is not { } program)
            return;
        isHung = true;
        log.Note($"no output and no touch of the heartbeat file for {silent.TotalSeconds:0} s: it counts as hung, and is killed after a "
            + "look at it");
        log.Note(await HangReport.OfAsync(program.Id).ConfigureAwait(false));
        program.Kill();
    }

    /// <summary>How it ended, as the job is told.</summary>
    public GangExit Describe(ProgramExit exit)
    {
        var lines = log.LastErrors(KeptLines).Select(line => line.Length > LongestLine ? line[..LongestLine] : line).ToArray();
        return new GangExit(exit.Code, exit.Signal, 0)
        {
            Hung = isHung,
            Error = exit.IsSuccess ? "" : ErrorFile.Read(Path.Combine(folder, "error.json")),
            LastLines = exit.IsSuccess ? [] : lines,
            PortTaken = rank == 0
                && !exit.IsSuccess
                && lines.Any(line => WordsOfTakenPorts.Any(words => line.Contains(words, StringComparison.OrdinalIgnoreCase))),
        };
    }
}
