using System.Diagnostics;
using System.Text;
using Coordinator.Runs.Processes;

namespace Coordinator.Tests.Support;

/// <summary>A run of the <c>coordinator</c> executable, with its output as it comes. Killed with its test.</summary>
public sealed class Executable : IDisposable
{
    /// <summary>
    /// Runs a command in a session of its own, as a terminal or a batch system does: a signal to its group reaches all its processes.
    /// </summary>
    public static readonly string[] InGroup = ["setsid"];

    /// <summary>The same, with standard output and error on a disk that is full.</summary>
    public static readonly string[] InGroupWithFullDisk = ["setsid", "sh", "-c", "exec \"$0\" \"$@\" > /dev/full 2>&1"];

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly object gate = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Executable(params string[] arguments)
        : this(new Dictionary<string, string>(), arguments)
    {
    }

    public Executable(IReadOnlyDictionary<string, string> environment, params string[] arguments)
        : this(environment, [], arguments)
    {
    }

    public Executable(string[] wrapper, params string[] arguments)
        : this(new Dictionary<string, string>(), wrapper, arguments)
    {
    }

    private Executable(IReadOnlyDictionary<string, string> environment, string[] wrapper, string[] arguments)
    {
        var command = Wrapped(wrapper, OwnExecutable.Command(arguments));
        command.RedirectStandardOutput = true;
        command.RedirectStandardError = true;
        command.RedirectStandardInput = true;
        foreach (var (name, value) in environment)
            command.Environment[name] = value;
        process = new Process { StartInfo = command, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _ = process.WaitForExitAsync().ContinueWith(_ => ended.SetResult(), TaskScheduler.Default);
    }

    public int Pid => process.Id;

    /// <summary>A run whose user has that mask for new files.</summary>
    public static Executable UnderMask(string mask, params string[] arguments) =>
        new(["/bin/sh", "-c", $"umask {mask}; exec \"$@\"", "sh"], arguments);

    /// <summary>Standard output and error so far, line by line.</summary>
    public string Output
    {
        get
        {
            lock (gate)
                return output.ToString();
        }
    }

    /// <summary>Runs to the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync(TimeSpan limit)
    {
        try
        {
            await ended.Task.WaitAsync(limit);
            return process.ExitCode;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"waited {limit.TotalSeconds} s for the end of the process; it said:\n{Output}");
        }
    }

    /// <summary>Waits for a line.</summary>
    /// <returns>The first line that <paramref name="isWanted"/>.</returns>
    public async Task<string> LineAsync(Func<string, bool> isWanted, string what, TimeSpan limit)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            Task change;
            lock (gate)
                change = changed.Task;
            if (Output.Split('\n').FirstOrDefault(isWanted) is { } line)
                return line;
            var left = limit - watch.Elapsed;
            if (left <= TimeSpan.Zero || ended.Task.IsCompleted || !await HappensAsync(Task.WhenAny(change, ended.Task), left))
            {
                throw new TimeoutException($"waited {watch.Elapsed.TotalSeconds:0} s for {what}; the process "
                    + $"{(ended.Task.IsCompleted ? "ended and" : "")} said:\n{Output}");
            }
        }
    }

    private static async Task<bool> HappensAsync(Task task, TimeSpan limit)
    {
        try
        {
            await task.WaitAsync(limit);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public void Kill() => process.Kill();

    /// <summary>Sends a signal by its name.</summary>
    public void Signal(string name) => Send(name, Pid);

    /// <summary>Sends a signal to everything in the group of a command that was started <see cref="InGroup"/>.</summary>
    public void SignalGroup(string name) => Send(name, -Pid);

    /// <summary>Sends a signal to a process, or to a group by the negative number of its leader.</summary>
    public static void Send(string name, int pid)
    {
        using var kill = Process.Start(new ProcessStartInfo("/bin/kill", [$"-{name}", "--", $"{pid}"]))!;
        kill.WaitForExit();
    }

    /// <summary>Whether the process runs or is stopped; one that only waits to be reaped does neither.</summary>
    public static bool IsAlive(int pid)
    {
        try
        {
            var line = File.ReadAllText($"/proc/{pid}/stat");
            return line[(line.LastIndexOf(')') + 2)..][0] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        if (!ended.Task.IsCompleted)
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }

    private static ProcessStartInfo Wrapped(string[] wrapper, ProcessStartInfo own) =>
        wrapper is [var program, .. var before] ? new ProcessStartInfo(program, [.. before, own.FileName, .. own.ArgumentList]) : own;

    private void Take(string? line)
    {
        if (line is null)
            return;
        TaskCompletionSource before;
        lock (gate)
        {
            output.Append(line).Append('\n');
            before = changed;
            changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        before.SetResult();
    }
}
