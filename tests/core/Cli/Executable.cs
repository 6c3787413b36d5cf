using System.Diagnostics;
using System.Text;
using Coordinator.Cli.Local;

namespace Coordinator.Tests.Cli;

/// <summary>A run of the <c>coordinator</c> executable, with its output as it comes. Killed with its test.</summary>
public sealed class Executable : IDisposable
{
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
    {
        var command = OwnExecutable.Command(arguments);
        command.RedirectStandardOutput = true;
        command.RedirectStandardError = true;
        command.RedirectStandardInput = true;

        // What the machine's user has set must not reach the tests.
        command.Environment.Remove("COORDINATOR_SILO");
        command.Environment.Remove("COORDINATOR_TOKEN_FILE");
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
                throw new TimeoutException($"waited {watch.Elapsed.TotalSeconds:0} s for {what}; the process {(ended.Task.IsCompleted ? "ended and" : "")} said:\n{Output}");
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

    /// <summary>Sends a signal by its number.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start(new ProcessStartInfo("/bin/kill", [$"-{name}", $"{Pid}"]))!;
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!ended.Task.IsCompleted)
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }

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
