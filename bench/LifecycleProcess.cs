using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Coordinator.Runs.Processes;

namespace Coordinator.Bench;

/// <summary>
/// One <c>train</c> or <c>resume</c> in a session of its own, as a terminal, a shell or a batch system would start it, with all its
/// descendants.
/// </summary>
internal sealed partial class LifecycleProcess : IDisposable
{
    private readonly Process process;
    private readonly StringBuilder output = new();

    /// <summary>Starts it.</summary>
    /// <param name="arguments">Of the coordinator's command.</param>
    /// <param name="wrapper">A command that runs the command behind it, such as <c>timeout 6</c>.</param>
    /// <param name="output">File that takes both streams; null: they are read here.</param>
    public LifecycleProcess(IEnumerable<string> arguments, IReadOnlyList<string> wrapper, string? output)
    {
        Arguments = [.. arguments];
        IsHeard = output is null;
        var own = OwnExecutable.Command(Arguments);

        // A shell that runs the bench in the background has its SIGINT ignored, and whoever it starts would inherit that.
        ProcessStartInfo command = new("env") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        string[] line = ["--default-signal=INT,HUP,TERM", "setsid", .. wrapper, own.FileName, .. own.ArgumentList];
        if (output is not null) line = [.. line[..2], "sh", "-c", $"exec \"$@\" > {output} 2>&1", "sh", .. line[2..]];
        foreach (var part in line) command.ArgumentList.Add(part);
        command.Environment.Remove("COORDINATOR_SILO");
        command.Environment.Remove("COORDINATOR_TOKEN_FILE");
        process = Process.Start(command)!;
        process.OutputDataReceived += (_, said) => Take(said.Data);
        process.ErrorDataReceived += (_, said) => Take(said.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public IReadOnlyList<string> Arguments { get; }

    /// <summary>Whether what it says is known here.</summary>
    public bool IsHeard { get; }

    public string Output
    {
        get
        {
            lock (output) return output.ToString();
        }
    }

    public bool HasEnded => process.HasExited;

    /// <summary>The command's own process, behind whatever wraps it.</summary>
    public int? Command => Find("train") is [int train, ..] ? train : Find("resume") is [int resume, ..] ? resume : null;

    public IReadOnlyList<int> Silos => Find("silo");

    public IReadOnlyList<int> Workers => Find("worker");

    /// <summary>Processes whose command line has all of these parts, but for shells and whoever only waits to be reaped.</summary>
    public static IReadOnlyList<int> With(params string[] parts) =>
    [
        .. Everybody()
            .Where(one => one.State != 'Z' && parts.All(part => CommandLineOf(one.Pid).Contains(part, StringComparison.Ordinal)))
            .Select(one => one.Pid),
    ];

    public async Task<int> EndAsync(CancellationToken cancel)
    {
        await process.WaitForExitAsync(cancel);
        return process.ExitCode;
    }

    public static void Signal(IEnumerable<int> processes, int signal)
    {
        foreach (var process in processes) _ = Send(process, signal);
    }

    /// <summary>To everything in the session, as a terminal that closes and <c>timeout</c> do: one call for the whole group.</summary>
    public void SignalGroup(int signal) => _ = Send(-process.Id, signal);

    public void Dispose()
    {
        if (!process.HasExited) SignalGroup(9);
        foreach (var left in Session()) _ = Send(left, 9);
        process.Dispose();
    }

    /// <summary>Processes of the session that are there.</summary>
    public IReadOnlyList<int> Session() =>
        [.. Everybody().Where(one => one.Session == process.Id && one.State != 'Z').Select(one => one.Pid)];

    private int[] Find(string verb) =>
        [.. Everybody().Where(one => one.Session == process.Id && one.State != 'Z' && Verb(one.Pid) == verb).Select(one => one.Pid)];

    private static string CommandLineOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>The command's verb; null where the process is none of ours.</summary>
    private static string? Verb(int pid)
    {
        try
        {
            var words = File.ReadAllText($"/proc/{pid}/cmdline").Split('\0');
            var own = Array.FindIndex(words, word => Path.GetFileNameWithoutExtension(word) == "coordinator");
            return own >= 0 && own <= 1 && own + 1 < words.Length ? words[own + 1] : null;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static IEnumerable<(int Pid, char State, int Session)> Everybody()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) continue;
            string stat;
            try
            {
                stat = File.ReadAllText($"{folder}/stat");
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            // proc(5): behind the name in parentheses come state, parent, group and session.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            yield return (pid, fields[0][0], int.Parse(fields[3], CultureInfo.InvariantCulture));
        }
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (output) output.AppendLine(line);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Send(int process, int signal);
}
