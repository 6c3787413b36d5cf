using System.Diagnostics;
using System.Globalization;
using Coordinator.Runs.Processes;

namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>
/// A namespace without a name, held by a process that reads a pipe of ours: when we end, however we end, the pipe does, the process
/// does, and the kernel removes the namespace with all that is in it. So nothing of a scenario can be left behind on the machine.
/// </summary>
internal sealed class Namespace : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(2);

    private readonly ChildProcess holder;
    private readonly string kind;

    private Namespace(ChildProcess holder, string kind) => (this.holder, this.kind) = (holder, kind);

    /// <summary>Process that holds it.</summary>
    public int Pid => holder.Pid;

    /// <summary>Why none can be made here; null where they can.</summary>
    public static string? WhyNone()
    {
        if (!OperatingSystem.IsLinux())
            return "there are none outside Linux";
        if (Tool.Find("unshare") is null || Tool.Find("nsenter") is null)
            return "unshare and nsenter are not installed (Debian: apt-get install util-linux)";
        if (!Environment.IsPrivilegedProcess)
            return "this user is not root";
        return Tool.WhyFailed("unshare", "--net", "--mount", "--propagation", "private", "--", "true");
    }

    /// <summary>Makes one.</summary>
    /// <param name="kind"><c>net</c> or <c>mount</c>.</param>
    /// <param name="prepare">Shell commands that are run in it first, with <paramref name="arguments"/> as <c>$1</c> and so on.</param>
    /// <param name="logPath">Where what they say goes.</param>
    /// <param name="arguments">Arguments of <paramref name="prepare"/>.</param>
    /// <exception cref="ChaosException">It cannot be made.</exception>
    public static async Task<Namespace> CreateAsync(string kind, string prepare, string logPath, params string[] arguments)
    {
        string[] command =
        [
            $"--{kind}", .. (kind == "mount" ? (string[])["--propagation", "private"] : []), "--", "/bin/sh", "-c",
            $"set -e; {prepare}; echo ready; exec cat >/dev/null", "sh", .. arguments,
        ];
        var holder = ChildProcess.Start(new ProcessStartInfo(Tool.Find("unshare") ?? "unshare", command), logPath);
        var made = new Namespace(holder, kind);
        var ended = holder.WaitAsync();
        if (await Task.WhenAny(holder.Ready, ended, Task.Delay(StartLimit)) == holder.Ready && holder.IsReady)
            return made;
        var said = string.Join("; ", holder.LastLines);
        await made.DisposeAsync();
        throw new ChaosException(
            $"a {kind} namespace cannot be made: {(said.Length > 0 ? said : $"it was not ready within {StartLimit.TotalSeconds:0} s")}");
    }

    /// <summary>The command that runs another one in it. The process id is that of the other one, since nsenter becomes it.</summary>
    public ProcessStartInfo Enter(ProcessStartInfo command)
    {
        var inside = new ProcessStartInfo(Tool.Find("nsenter") ?? "nsenter");
        foreach (var argument in (string[])[
            "--target", Pid.ToString(CultureInfo.InvariantCulture), $"--{kind}", "--", command.FileName, .. command.ArgumentList,
        ])
        {
            inside.ArgumentList.Add(argument);
        }
        foreach (var (name, value) in command.Environment)
            inside.Environment[name] = value;
        return inside;
    }

    /// <summary>Runs a program in it to its end.</summary>
    /// <exception cref="ChaosException">It failed.</exception>
    public void Run(params string[] command) =>
        Tool.Run("nsenter", [
            "--target", Pid.ToString(CultureInfo.InvariantCulture), $"--{kind}", "--", Tool.Find(command[0]) ?? command[0], .. command[1..],
        ]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await holder.StopAsync(EndGrace);
        holder.Dispose();
    }
}
