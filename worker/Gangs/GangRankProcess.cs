using Coordinator.Machines;
using Coordinator.Worker.Processes;

namespace Coordinator.Worker.Gangs;

/// <summary>One process of a gang on this node: the program, its log, and the files by which it and its worker talk.</summary>
internal sealed class GangRankProcess(int rank, string folder, RankLog log)
{
    private const int KeptLines = 12;
    private const int LongestLine = 400;
    private static readonly string[] WordsOfTakenPorts = ["EADDRINUSE", "Address already in use", "errno: 98"];

    private readonly string heartbeat = Path.Combine(folder, "heartbeat");
    private DateTime lastTouch = TouchOf(Path.Combine(folder, "heartbeat"));
    private TimeSpan touchedAt;
    private volatile bool isHung;

    public int Rank => rank;

    public RankLog Log => log;

    public RunningProgram? Program { get; set; }

    /// <summary>
    /// When it showed last that it lives: by output, or by touching its file. A touch counts from when it is seen here, since the wall
    /// clock may be set meanwhile, and a file's time is whatever the program says.
    /// </summary>
    public TimeSpan HeardAt()
    {
        var touch = TouchOf(heartbeat);
        if (touch != lastTouch)
            (lastTouch, touchedAt) = (touch, Monotonic.Now);
        return touchedAt > log.OutputAt ? touchedAt : log.OutputAt;
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

    /// <summary>A file that is not there, or may not be looked at, was never touched.</summary>
    private static DateTime TouchOf(string path)
    {
        try
        {
            return File.GetLastWriteTimeUtc(path);
        }
        catch (Exception closed) when (closed is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
