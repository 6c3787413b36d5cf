using Microsoft.Win32.SafeHandles;

namespace Coordinator.Worker.Processes;

/// <summary>
/// A program that was started. One thread reads its pipes into its log and waits for its end; then whatever is left of its session, its
/// control group and its mark is killed, and only after that is it reaped, so that its number was its own all the time.
/// </summary>
public sealed class RunningProgram
{
    private const int StackBytes = 256 << 10;

    /// <summary>What escaped may hold a pipe open after the end; nobody waits longer for it than this.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(500);

    private readonly SafeFileHandle output;
    private readonly SafeFileHandle error;
    private readonly RankLog log;
    private readonly Action<RunningProgram> ended;
    private readonly string start;
    private readonly TaskCompletionSource<ProgramExit> exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private bool isReaped;

    internal RunningProgram(
        int id, string start, string group, SafeFileHandle output, SafeFileHandle error, RankLog log, Action<RunningProgram> ended)
    {
        (Id, this.start, Group, this.output, this.error, this.log, this.ended) = (id, start, group, output, error, log, ended);
        StartedAt = Monotonic.Now;
    }

    /// <summary>Number of the process, and of its session and its group.</summary>
    public int Id { get; }

    /// <summary>When it was started.</summary>
    public TimeSpan StartedAt { get; }

    /// <summary>Ends with how it ended, once nothing of it is left and all that it said is in its log.</summary>
    public Task<ProgramExit> Exited => exited.Task;

    /// <summary>Its log.</summary>
    public RankLog Log => log;

    /// <summary>Its control group; empty: it has none.</summary>
    internal string Group { get; }

    /// <summary>Sends a signal to all processes of its session's first group.</summary>
    public void Signal(int signal)
    {
        lock (gate)
        {
            if (!isReaped)
                NativeProcess.Signal(-Id, signal);
        }
    }

    /// <summary>SIGKILL to all of it.</summary>
    public void Kill()
    {
        lock (gate)
        {
            if (isReaped)
                return;
            NativeProcess.Signal(-Id, NativeProcess.Kill);
            ControlGroup.Kill(Group);
        }
    }

    /// <summary>SIGTERM to all of it, and SIGKILL to what is left after <paramref name="grace"/>.</summary>
    public async Task<ProgramExit> StopAsync(TimeSpan grace)
    {
        Signal(NativeProcess.Terminate);
        try
        {
            return await Exited.WaitAsync(grace).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Kill();
            return await Exited.ConfigureAwait(false);
        }
    }

    internal void Watch() => new Thread(Run, StackBytes) { IsBackground = true, Name = $"program {Id}" }.Start();

    private void Run()
    {
        try
        {
            using (output)
            using (error)
            using (var process = NativeProcess.OpenProcess(Id))
            {
                ReadUntilEnd(process);
                Kill();
                if (Group.Length == 0)
                    Leftovers.Kill(Leftovers.StartMark, value => value == start);
                ReadLastWords();
            }

            ended(this);
            ProgramExit exit;
            lock (gate)
            {
                exit = NativeProcess.Reap(Id);
                isReaped = true;
            }

            ControlGroup.Remove(Group);
            log.Dispose();
            exited.TrySetResult(exit);
        }
        catch (Exception broken)
        {
            Kill();
            exited.TrySetException(broken);
        }
    }

    private void ReadUntilEnd(SafeFileHandle process)
    {
        var buffer = new byte[1 << 16];
        Span<bool> open = [true, true];
        while (true)
        {
            var ready = NativeProcess.Poll([open[0] ? Number(output) : -1, open[1] ? Number(error) : -1, Number(process)], null);
            for (var i = 0; i < 2; i++)
            {
                if (ready[i])
                    open[i] = ReadSome((LogStream)i, buffer);
            }

            if (ready[2])
                return;
        }
    }

    private void ReadLastWords()
    {
        var buffer = new byte[1 << 16];
        Span<bool> open = [true, true];
        var until = Monotonic.Now + LastWords;
        while ((open[0] || open[1]) && until - Monotonic.Now is var left && left > TimeSpan.Zero)
        {
            var ready = NativeProcess.Poll([open[0] ? Number(output) : -1, open[1] ? Number(error) : -1], left);
            for (var i = 0; i < 2; i++)
            {
                if (ready[i])
                    open[i] = ReadSome((LogStream)i, buffer);
            }
        }
    }

    private bool ReadSome(LogStream stream, byte[] buffer)
    {
        var count = NativeProcess.Read(stream == LogStream.Output ? output : error, buffer);
        if (count > 0)
            log.Append(stream, buffer.AsSpan(0, count));
        return count != 0;
    }

    // The handles are closed by this thread alone.
    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
