using System.Diagnostics;
using System.Text;

namespace Coordinator.Worker.Processes;

/// <summary>
/// What can be had of processes that give no sign of life, before they are killed: what each thread waits for in the kernel, and the stacks
/// of Python and .NET where py-spy or dotnet-stack is installed.
/// </summary>
internal static class HangReport
{
    private const int MostProcesses = 16;
    private const int MostThreads = 32;
    private const int MostCharacters = 64 << 10;
    private static readonly TimeSpan ToolTime = TimeSpan.FromSeconds(5);

    /// <summary>Of all processes of a session.</summary>
    public static async Task<string> OfAsync(int session)
    {
        var text = new StringBuilder();
        foreach (var process in ProcessesOf(session).Take(MostProcesses))
        {
            text.AppendLine($"process {process}: {Read($"/proc/{process}/cmdline").Replace('\0', ' ').Trim()}");
            foreach (var thread in ThreadsOf(process).Take(MostThreads))
            {
                var wait = Read($"/proc/{process}/task/{thread}/wchan");
                text.AppendLine($"  thread {thread} ({Read($"/proc/{process}/task/{thread}/comm").Trim()}): "
                    + $"{StateOf(process, thread)}{(wait is "" or "0" ? "" : $", waits in {wait}")}");
                var stack = Read($"/proc/{process}/task/{thread}/stack");
                if (stack.Length > 0)
                    text.AppendLine(stack.TrimEnd());
            }

            var name = Path.GetFileName(LinkOf($"/proc/{process}/exe"));
            if (name.StartsWith("python", StringComparison.Ordinal))
            {
                text.Append(await RunAsync("py-spy", ["dump", "--pid", $"{process}"]).ConfigureAwait(false));
            }
            else if (
                File.Exists($"/proc/{process}/maps") && Read($"/proc/{process}/maps").Contains("libcoreclr.so", StringComparison.Ordinal))
            {
                text.Append(await RunAsync("dotnet-stack", ["report", "--process-id", $"{process}"]).ConfigureAwait(false));
            }
            if (text.Length > MostCharacters)
                break;
        }

        return text.Length > MostCharacters ? text.ToString(0, MostCharacters) : text.ToString().TrimEnd();
    }

    private static IEnumerable<int> ProcessesOf(int session)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder.AsSpan()), out var process))
                continue;

            // Behind the name in brackets: state, parent, group, session.
            var line = Read($"/proc/{process}/stat");
            var fields = line[(line.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 3 && fields[3] == $"{session}")
                yield return process;
        }
    }

    private static IEnumerable<string> ThreadsOf(int process)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{process}/task").Select(path => Path.GetFileName(path));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string StateOf(int process, string thread)
    {
        var line = Read($"/proc/{process}/task/{thread}/stat");
        return line.LastIndexOf(')') is > 0 and var end && line.Length > end + 2 ? line[end + 2] switch
        {
            'R' => "running",
            'S' => "sleeping",
            'D' => "waiting in the kernel",
            'T' or 't' => "stopped",
            'Z' => "dead",
            var other => $"{other}",
        } : "gone";
    }

    private static string LinkOf(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: false)?.FullName ?? "";
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>A tool that is not installed, does not end or may not look says nothing.</summary>
    private static async Task<string> RunAsync(string tool, string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            using var patience = new CancellationTokenSource(ToolTime);
            try
            {
                var text = await process.StandardOutput.ReadToEndAsync(patience.Token).ConfigureAwait(false);
                await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
                return text;
            }
            catch (OperationCanceledException)
            {
                process.Kill();
                return $"{tool} did not end within {ToolTime.TotalSeconds:0} s\n";
            }
        }
        catch (Exception missing) when (missing is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return "";
        }
    }
}
