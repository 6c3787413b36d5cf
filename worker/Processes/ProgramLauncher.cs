using System.Globalization;
using System.Runtime.InteropServices;

namespace Coordinator.Worker.Processes;

/// <summary>
/// Starts foreign programs, and sees that none outlives this worker. A program is the leader of a session of its own, in a control group of
/// its own where the system lets the worker have some; when it ends, whatever is left of both is killed, as is whatever carries the mark of
/// its start in its environment. When the worker ends, in whatever way, a watcher does the same to all of them; when the host's next worker
/// of that name starts its first program, it does it again.
/// <para>
/// What can escape, where there is no control group: a process that has left the session and has cleared its environment, or that runs a
/// set-user-id program. A process that waits in the kernel dies when it comes back from there.
/// </para>
/// </summary>
public sealed class ProgramLauncher : IDisposable
{
    /// <summary>
    /// Enters itself at the watcher, joins its group, and becomes the program, so that it is never anywhere without being known.
    /// </summary>
    private const string Wrapper =
        """
        [ -z "$1" ] || echo $$ > "$1/cgroup.procs" || exit 126
        echo "+ $$ $1" >&9
        exec 9>&-
        cd -- "$2" || exit 126
        [ -z "$3" ] || umask "$3"
        shift 3
        exec "$@"
        """;

    private readonly ProgramPolicy policy;
    private readonly string mark;
    private readonly string lineage;
    private readonly IWorkerLog log;
    private readonly Lock gate = new();
    private readonly Dictionary<int, RunningProgram> running = [];
    private ProgramWatcher? watcher;
    private ControlGroup? group;
    private bool isSwept;
    private bool disposed;
    private long starts;

    /// <summary>Nothing is started yet.</summary>
    /// <param name="policy">What may be.</param>
    /// <param name="lineage">Names the worker across its restarts: its node, and the folder that only it uses.</param>
    /// <param name="boot">Names this process among them, as in <see cref="Machines.WorkerSession.Boot"/>.</param>
    /// <param name="log">Told what goes wrong.</param>
    public ProgramLauncher(ProgramPolicy policy, string lineage, long boot, IWorkerLog log)
    {
        (this.policy, this.log) = (policy, log);
        this.lineage = Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(lineage)))[..16];
        mark = string.Create(CultureInfo.InvariantCulture, $"{this.lineage}:{boot}.{Environment.ProcessId}");
    }

    /// <summary>What may be started.</summary>
    public ProgramPolicy Policy => policy;

    /// <summary>The watcher's process.</summary>
    internal int WatcherId => watcher!.Id;

    /// <summary>Ends when the watcher has.</summary>
    internal Task WatcherEnds => watcher!.EndsAsync();

    /// <summary>Starts a program; its output goes to <paramref name="output"/>, which ends with it.</summary>
    /// <exception cref="InvalidOperationException">This worker starts no programs.</exception>
    /// <exception cref="IOException">It cannot be started.</exception>
    public RunningProgram Start(ProgramCommand command, RankLog output)
    {
        if (!policy.Allowed)
            throw new InvalidOperationException("this worker starts no programs: its operator has not said --allow-programs");
        if (command.Handles.Count > ProgramCommand.MostHandles)
            throw new ArgumentException($"a program is given at most {ProgramCommand.MostHandles} descriptors", nameof(command));
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            Prepare();
            var start = string.Create(CultureInfo.InvariantCulture, $"{mark}.{++starts}");
            var place = group?.Make(string.Create(CultureInfo.InvariantCulture, $"{starts}")) ?? "";
            if (policy.User is { } user)
            {
                foreach (var folder in command.OwnedFolders)
                    NativeProcess.GiveTo(folder, user);
            }

            var (outRead, outWrite) = NativeProcess.Pipe();
            var (errorRead, errorWrite) = NativeProcess.Pipe();
            using (outWrite)
            using (errorWrite)
            {
                NativeProcess.PrepareToPoll(outRead);
                NativeProcess.PrepareToPoll(errorRead);
                var environment = command.Environment.Where(pair => pair.Key is not (Leftovers.WorkerMark or Leftovers.StartMark)).Select(
                    pair => $"{pair.Key}={pair.Value}");
                var descriptors = new List<(SafeHandle, int)> { (outWrite, 1), (errorWrite, 2), (watcher!.Entries, 9) };
                descriptors.AddRange(command.Handles.Select((handle, index) => (handle, 3 + index)));
                var process = NativeProcess.Spawn(
                    "/bin/sh",
                    ["sh", "-c", Wrapper, "coordinator-program", place, command.WorkFolder, policy.Mask
                        ?? "", .. policy.User?.Prefix ?? [], .. command.Arguments],
                    [$"{Leftovers.WorkerMark}={mark}", $"{Leftovers.StartMark}={start}", .. environment],
                    descriptors);
                var program = new RunningProgram(process, start, place, outRead, errorRead, output, Ended);
                running.Add(process, program);
                program.Watch();
                return program;
            }
        }
    }

    /// <summary>Lets go of the watcher's pipe as the end of this process would: for tests, which cannot kill themselves.</summary>
    internal void Abandon() => watcher!.Entries.Dispose();

    /// <summary>Kills what runs, and waits for nothing: the watcher goes last, and finds nothing to do.</summary>
    public void Dispose()
    {
        RunningProgram[] left;
        lock (gate)
        {
            disposed = true;
            left = [.. running.Values];
        }

        foreach (var program in left)
            program.Kill();
        Task.WhenAll(left.Select(program => program.Exited)).Wait(TimeSpan.FromSeconds(2));
        lock (gate)
        {
            watcher?.Dispose();
            group?.Dispose();
            watcher = null;
        }
    }

    /// <summary>Kills what an earlier worker of this node has left. It is done before the first start at the latest.</summary>
    public void Sweep()
    {
        lock (gate)
            SweepOnce();
    }

    private void SweepOnce()
    {
        if (!isSwept)
        {
            isSwept = true;
            if (Leftovers.Kill(
                Leftovers.WorkerMark,
                value => value.StartsWith($"{lineage}:", StringComparison.Ordinal) && value != mark) is > 0 and var killed)
            {
                log.Warn($"killed {killed} processes that an earlier worker of this node had left");
            }
            group = ControlGroup.TryCreate($"coordinator-{Environment.ProcessId}-{lineage}");
        }
    }

    private void Prepare()
    {
        SweepOnce();
        if (watcher is { IsAlive: true })
            return;
        if (watcher is not null)
        {
            log.Warn("the watcher of programs was killed: another takes its place");
            watcher.Dispose();
        }

        watcher = ProgramWatcher.Start($"{Leftovers.WorkerMark}={mark}");
        foreach (var program in running.Values)
            watcher.Enter(program.Id, program.Group);
    }

    /// <summary>Before a program is reaped: its number is still its own.</summary>
    private void Ended(RunningProgram program)
    {
        lock (gate)
        {
            running.Remove(program.Id);
            if (watcher is { Entries.IsClosed: false })
                watcher.Strike(program.Id);
        }
    }
}
