using System.Collections.Concurrent;
using System.Diagnostics;

namespace Coordinator.Runs.Processes;

/// <summary>
/// One child process. Its standard input is a pipe that only this process holds: when we die, however we die, the child reads its
/// end and goes too; one that is stopped (SIGSTOP) reads nothing, so whatever child is left when this process exits is killed. Everything
/// that it prints is appended to a log file as far as that can be written, and the last lines are kept for a message.
/// </summary>
public sealed class ChildProcess : IDisposable
{
    private const int KeptLines = 12;

    private static readonly ConcurrentDictionary<ChildProcess, int> Running = [];

    private readonly Process process;
    private readonly LogFile log;
    private readonly Queue<string> lastLines = new();
    private readonly object gate = new();
    private readonly Action<string>? onError;
    private readonly TaskCompletionSource<string> ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool disposed;

    static ChildProcess() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var child in Running.Keys)
            child.Kill();
    };

    private ChildProcess(Process process, LogFile log, Action<string>? onError)
    {
        this.process = process;
        this.log = log;
        this.onError = onError;
    }

    /// <summary>Process id.</summary>
    public int Pid { get; private set; }

    /// <summary>
    /// Completes with the word behind it in the first line of standard output that starts with <c>ready</c>; cancelled if the child ends
    /// first.
    /// </summary>
    public Task<string> Ready => ready.Task;

    /// <summary>Whether the child said that it is ready.</summary>
    public bool IsReady => ready.Task.IsCompletedSuccessfully;

    /// <summary>The last lines that the child printed, oldest first.</summary>
    public IReadOnlyList<string> LastLines
    {
        get
        {
            lock (gate)
                return [.. lastLines];
        }
    }

    /// <summary>Starts a process.</summary>
    /// <param name="command">Executable, arguments and environment; the streams are set here.</param>
    /// <param name="logPath">File to append its output to.</param>
    /// <param name="onError">Told every line of standard error.</param>
    public static ChildProcess Start(ProcessStartInfo command, string logPath, Action<string>? onError = null)
    {
        command.UseShellExecute = false;
        command.RedirectStandardInput = true;
        command.RedirectStandardOutput = true;
        command.RedirectStandardError = true;
        var child = new ChildProcess(new Process { StartInfo = command, EnableRaisingEvents = true }, new LogFile(logPath), onError);
        child.process.OutputDataReceived += (_, line) => child.Take(line.Data, fromError: false);
        child.process.ErrorDataReceived += (_, line) => child.Take(line.Data, fromError: true);
        try
        {
            child.process.Start();
        }
        catch
        {
            child.Dispose();
            throw;
        }

        child.Pid = child.process.Id;
        Running.TryAdd(child, child.Pid);
        child.process.BeginOutputReadLine();
        child.process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Waits for the end of the process and of its output.</summary>
    public async Task<ChildExit> WaitAsync()
    {
        await process.WaitForExitAsync();
        Running.TryRemove(this, out _);
        ready.TrySetCanceled();
        return new ChildExit(Pid, process.ExitCode, IsReady);
    }

    /// <summary>SIGKILL. Nothing happens where the process has ended already.</summary>
    public void Kill()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It ended between the decision and now, which is what was wanted.
        }
    }

    /// <summary>Ends the process: closes the pipe, which asks it to go, and kills it after <paramref name="grace"/>.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (Exception gone) when (gone is IOException or InvalidOperationException)
        {
            // A child that is gone needs no asking.
        }

        try
        {
            await process.WaitForExitAsync().WaitAsync(grace);
        }
        catch (TimeoutException)
        {
            Kill();
            await process.WaitForExitAsync();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Running.TryRemove(this, out _);
        process.Dispose();
        lock (gate)
        {
            disposed = true;
            log.Dispose();
        }
    }

    private void Take(string? line, bool fromError)
    {
        if (line is null)
            return;
        lock (gate)
        {
            if (!disposed)
                log.WriteLine(line);
            lastLines.Enqueue(line);
            if (lastLines.Count > KeptLines)
                lastLines.Dequeue();
        }

        if (!fromError && (line == "ready" || line.StartsWith("ready ", StringComparison.Ordinal)))
            ready.TrySetResult(line.Length > 6 ? line[6..].Split(' ')[0] : "");
        if (fromError)
            onError?.Invoke(line);
    }
}
