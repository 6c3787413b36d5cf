using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Coordinator.Worker.Processes;

/// <summary>
/// A shell beside the worker, in a session of its own, that holds one end of a pipe and knows which programs run. However the worker ends,
/// the pipe does too, and the shell then kills what is left: the programs' sessions, their control groups, and whatever carries the
/// worker's mark.
/// <para>
/// A program is entered by its own launcher before it becomes the program, over a copy of the pipe that it holds meanwhile: so the shell
/// reads the pipe's end only after every program that was started is entered.
/// </para>
/// </summary>
internal sealed class ProgramWatcher : IDisposable
{
    private const string Script =
        """
        trap '' HUP INT QUIT TERM
        live=
        while read -r what id group; do
          case $what in
            +) live="$live $id"; eval "group_$id=\$group" ;;
            -) left=; for one in $live; do [ "$one" = "$id" ] || left="$left $one"; done; live=$left ;;
          esac
        done
        [ -n "$live" ] || exit 0
        for id in $live; do
          kill -KILL -- "-$id" 2>/dev/null
          eval "group=\$group_$id"
          [ -z "$group" ] || echo 1 > "$group/cgroup.kill"
        done 2>/dev/null
        round=0
        while [ $round -lt 50 ]; do
          round=$((round + 1)); found=
          for file in $(grep -lsF "$1" /proc/[0-9]*/environ 2>/dev/null); do
            id=${file#/proc/}; id=${id%/environ}
            kill -KILL "$id" 2>/dev/null && found=1
          done
          [ -n "$found" ] || break
        done
        """;

    private ProgramWatcher(int id, SafeFileHandle entries) => (Id, Entries) = (id, entries);

    /// <summary>Number of its process.</summary>
    public int Id { get; }

    /// <summary>The pipe's end that programs are entered through; it ends with this process.</summary>
    public SafeFileHandle Entries { get; }

    /// <summary>Whether it still watches.</summary>
    public bool IsAlive => !NativeProcess.HasEnded(Id);

    /// <summary>Ends when its process has.</summary>
    public Task EndsAsync() => Task.Run(() =>
    {
        using var process = NativeProcess.OpenProcess(Id);
        NativeProcess.Poll([(int)process.DangerousGetHandle()], null);
    });

    /// <summary>Starts one.</summary>
    /// <param name="mark">What the environment of every program of this worker holds.</param>
    public static ProgramWatcher Start(string mark)
    {
        var (read, write) = NativeProcess.Pipe();
        using (read)
        using (var silence = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write))
        {
            var id = NativeProcess.Spawn(
                "/bin/sh",
                ["sh", "-c", Script, "coordinator-watcher", mark],
                ["PATH=/usr/local/bin:/usr/bin:/bin"],
                [(read, 0), (silence, 1), (silence, 2)]);
            return new ProgramWatcher(id, write);
        }
    }

    /// <summary>A program has ended, and its session with it. Said before it is reaped, while its number cannot be another's.</summary>
    public void Strike(int program) => NativeProcess.Write(Entries, Encoding.ASCII.GetBytes($"- {program}\n"));

    /// <summary>Enters a program that runs: for a watcher that took another's place.</summary>
    public void Enter(int program, string group) => NativeProcess.Write(Entries, Encoding.ASCII.GetBytes($"+ {program} {group}\n"));

    /// <inheritdoc/>
    public void Dispose()
    {
        Entries.Dispose();
        if (NativeProcess.HasEnded(Id))
            NativeProcess.Reap(Id);
        else
            new Thread(() => NativeProcess.Reap(Id)) { IsBackground = true, Name = "watcher's end" }.Start();
    }
}
