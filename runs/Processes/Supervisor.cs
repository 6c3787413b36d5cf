using System.ComponentModel;
using System.Diagnostics;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Runs.Processes;

/// <summary>Where a supervised child is.</summary>
public enum ChildPhase
{
    /// <summary>Started, not ready yet.</summary>
    Starting,

    /// <summary>It said that it is ready.</summary>
    Ready,

    /// <summary>It ended, and is started again after a pause.</summary>
    Down,

    /// <summary>It ended by itself at every start and is not tried again.</summary>
    GivenUp,
}

/// <summary>A supervised child now.</summary>
/// <param name="Name">Its name, such as <c>worker-2</c>.</param>
/// <param name="Phase">Where it is.</param>
/// <param name="Pid">Process id; of the last process where there is none now.</param>
/// <param name="Starts">Times that it was started.</param>
public sealed record ChildStatus(string Name, ChildPhase Phase, int Pid, int Starts);

/// <summary>Something that happened to a child, for the view.</summary>
/// <param name="Time">When.</param>
/// <param name="Child">Its name.</param>
/// <param name="Pid">Its process.</param>
/// <param name="Text">One line for people, without the name.</param>
/// <param name="Exit">How it ended, if that is what happened.</param>
public sealed record ChildNote(DateTimeOffset Time, string Child, int Pid, string Text, ChildExit? Exit);

/// <summary>Why the processes of a run cannot be kept up: message and remedy.</summary>
public sealed record ClusterFailure(string Message, string Remedy, int ExitCode);

/// <summary>
/// Keeps one child process up: starts it, waits for its end, starts it again as <see cref="RestartPolicy"/> says. It ends only
/// processes that it started itself, by their handle.
/// </summary>
/// <param name="name">Its name.</param>
/// <param name="command">The command of a start, counted from 1.</param>
/// <param name="logPath">File that its output is appended to.</param>
/// <param name="policy">When it is started again.</param>
/// <param name="note">Told what happens to it.</param>
/// <param name="onError">Told every line of its standard error.</param>
/// <param name="mayGiveUp">Asked before it is given up; null: it may be at any time.</param>
public sealed class Supervisor(
    string name, Func<int, ProcessStartInfo> command, string logPath, RestartPolicy policy, Action<ChildNote> note, Action<string>? onError = null, Func<bool>? mayGiveUp = null)
{
    private readonly TaskCompletionSource<string> firstReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object gate = new();
    private ChildProcess? child;
    private ChildStatus status = new(name, ChildPhase.Down, 0, 0);

    /// <summary>The child now.</summary>
    public ChildStatus Status
    {
        get
        {
            lock (gate)
                return status;
        }
    }

    /// <summary>Completes with what the first ready line says.</summary>
    public Task<string> FirstReady => firstReady.Task;

    /// <summary>Runs until <paramref name="stop"/>, then ends the child.</summary>
    /// <returns>Null after a stop; else why the child was given up.</returns>
    public async Task<ClusterFailure?> RunAsync(CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        for (var start = 1; ; start++)
        {
            using var process = TryStart(start, out var refused);
            var exit = process is null ? new ChildExit(0, ExitCodes.RunFailed, WasReady: false) : await KeepAsync(process, start, stop);
            if (exit is null)
                return null;
            var pause = policy.AfterExit(clock.Elapsed, exit, mayGiveUp?.Invoke() ?? true);
            if (pause is null)
            {
                SetDown(ChildPhase.GivenUp);
                return process is null ? NotStarted(refused) : GivenUp(exit, process.LastLines, start);
            }

            try
            {
                await Task.Delay(pause.Value, stop);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }

    /// <summary>SIGKILL to the child, if it runs.</summary>
    /// <returns>The process id that was killed, or null where none runs.</returns>
    public int? Kill()
    {
        lock (gate)
        {
            if (child is null)
                return null;
            child.Kill();
            return child.Pid;
        }
    }

    /// <summary>A machine that has no room for another process now may have some in a moment.</summary>
    private ChildProcess? TryStart(int start, out string refused)
    {
        try
        {
            refused = "";
            var process = ChildProcess.Start(command(start), logPath, onError);
            lock (gate)
            {
                child = process;
                status = new ChildStatus(name, ChildPhase.Starting, process.Pid, start);
            }

            Note(process.Pid, start == 1 ? $"started as process {process.Pid}" : $"started again as process {process.Pid}");
            return process;
        }
        catch (Win32Exception cannot)
        {
            refused = cannot.Message;
            Note(0, $"cannot be started: {refused}");
            return null;
        }
    }

    /// <summary>Stays with a process to its end.</summary>
    /// <returns>How it ended; null after a stop.</returns>
    private async Task<ChildExit?> KeepAsync(ChildProcess process, int start, CancellationToken stop)
    {
        _ = ObserveReadyAsync(process, start);
        var ended = process.WaitAsync();
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, stop);
        if (await Task.WhenAny(ended, stopped) == stopped)
        {
            await process.StopAsync(TimeSpan.FromSeconds(3));
            SetDown(ChildPhase.Down);
            return null;
        }

        var exit = await ended;
        SetDown(ChildPhase.Down);
        if (stop.IsCancellationRequested)
            return null;
        Note(exit.Pid, exit.Described, exit);
        return exit;
    }

    private async Task ObserveReadyAsync(ChildProcess process, int start)
    {
        try
        {
            var text = await process.Ready;
            lock (gate)
            {
                if (child == process)
                    status = new ChildStatus(name, ChildPhase.Ready, process.Pid, start);
            }

            firstReady.TrySetResult(text);
        }
        catch (OperationCanceledException)
        {
            // It ended before it was ready; the policy deals with that.
        }
    }

    private void SetDown(ChildPhase phase)
    {
        lock (gate)
        {
            child = null;
            status = status with { Phase = phase };
        }
    }

    private void Note(int pid, string text, ChildExit? exit = null) => note(new ChildNote(DateTimeOffset.Now, name, pid, text, exit));

    private ClusterFailure NotStarted(string refused) => new(
        $"{name} cannot be started: {refused}",
        "See that its program is there, and that processes can still be started (memory, limits).",
        ExitCodes.RunFailed);

    private ClusterFailure GivenUp(ChildExit exit, IReadOnlyList<string> lastLines, int starts)
    {
        var times = starts == 1 ? "at its first start" : $"at its last start of {starts}, and never came up for long";
        var said = lastLines.Count == 0
            ? "It printed nothing."
            : "It said last:" + string.Concat(lastLines.Select(line => Environment.NewLine + "  " + line));
        return new ClusterFailure(
            $"{name} {exit.Described} {times}. {said}",
            $"Set right what it complains of and run the command again; its whole output is in {logPath}.",
            exit.Code == ExitCodes.Usage ? ExitCodes.Usage : ExitCodes.RunFailed);
    }
}
