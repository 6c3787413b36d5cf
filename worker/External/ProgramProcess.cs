using System.Diagnostics;
using Coordinator.Disk;

namespace Coordinator.Worker.External;

/// <summary>
/// A program's process. It gets nothing of the worker's environment but what programs need to find their libraries, ends with the worker
/// whichever way that ends (its connection closes), and its output is a log of its rank.
/// </summary>
internal sealed class ProgramProcess : IDisposable
{
    private const int LinesKept = 12;
    private const long LongestLog = 64 << 20;

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FarewellLimit = TimeSpan.FromSeconds(8);
    private static readonly string[] Inherited =
    [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME",
        "VIRTUAL_ENV", "CONDA_PREFIX", "XDG_CACHE_HOME", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HF_HOME", "HF_HUB_CACHE",
        "HF_HUB_OFFLINE", "TORCH_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    ];

    private readonly Process process;
    private readonly Queue<string> last = [];
    private readonly Lock gate = new();
    private readonly StreamWriter? log;
    private readonly Task[] readers;
    private long logged;

    private ProgramProcess(Process process, StreamWriter? log)
    {
        (this.process, this.log) = (process, log);
        readers = [Task.Run(() => ReadAsync(process.StandardOutput)), Task.Run(() => ReadAsync(process.StandardError))];
    }

    /// <summary>The process's number.</summary>
    public int Id => process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => process.HasExited;

    /// <summary>The last lines of its output, oldest first.</summary>
    public IReadOnlyList<string> LastLines
    {
        get
        {
            lock (gate)
                return [.. last];
        }
    }

    /// <summary>Starts one.</summary>
    /// <exception cref="ProgramFaultException">It cannot be started.</exception>
    public static ProgramProcess Start(ProgramLaunch launch)
    {
        var command = new ProcessStartInfo(launch.Command[0], launch.Command.Skip(1))
        {
            WorkingDirectory = launch.Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        command.Environment.Clear();
        foreach (var name in Inherited)
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
                command.Environment[name] = value;
        }

        foreach (var (name, value) in launch.Variables)
            command.Environment[name] = value;
        try
        {
            var started = Process.Start(command)!;
            started.StandardInput.Close();
            return new ProgramProcess(started, launch.LogFile is { } path ? Open(path) : null);
        }
        catch (System.ComponentModel.Win32Exception refused)
        {
            throw new ProgramFaultException($"{launch.Command[0]} cannot be started: {refused.Message}; name the interpreter of this node with program.python, or --python", refused);
        }
    }

    /// <summary>How it ended, with its last words; waits for its end a little, and then ends it.</summary>
    public string Ending()
    {
        if (!process.WaitForExit(EndLimit))
            return "it closed its connection and runs on";
        Task.WaitAll(readers, EndLimit);
        var how = process.ExitCode > 128 ? $"it was killed by {SignalOf(process.ExitCode - 128)}" : $"it ended with exit code {process.ExitCode}";
        var words = LastLines;
        return words.Count == 0 ? how : $"{how}; its last words: {string.Join(" | ", words.TakeLast(4))}";
    }

    /// <summary>Ends it at once.</summary>
    public void Kill()
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception gone) when (gone is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended meanwhile.
        }
    }

    /// <summary>Lets it end by itself for a little, and then ends it.</summary>
    public void Dispose()
    {
        if (!process.WaitForExit(FarewellLimit))
            Kill();
        process.WaitForExit();
        Task.WaitAll(readers, EndLimit);
        lock (gate)
            log?.Dispose();
        process.Dispose();
    }

    private static string SignalOf(int number) => number switch { 6 => "SIGABRT", 9 => "SIGKILL", 11 => "SIGSEGV", 15 => "SIGTERM", _ => $"signal {number}" };

    private static StreamWriter? Open(string path)
    {
        try
        {
            PrivateFiles.CreateFolder(Path.GetDirectoryName(path)!);
            return new StreamWriter(PrivateFiles.Open(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 1)) { AutoFlush = true };
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // A log that cannot be kept stops no training.
            return null;
        }
    }

    private async Task ReadAsync(StreamReader from)
    {
        while (await from.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (gate)
            {
                last.Enqueue(line.Length > 500 ? line[..500] : line);
                if (last.Count > LinesKept)
                    last.Dequeue();
                Write(line);
            }
        }
    }

    private void Write(string line)
    {
        try
        {
            if (log is not null && (logged += line.Length + 1) <= LongestLog)
                log.WriteLine(line);
        }
        catch (Exception full) when (full is IOException or ObjectDisposedException)
        {
            // As above.
        }
    }
}
