using System.Runtime.Versioning;
using Coordinator.Tests.Support;
using Coordinator.Worker;
using Coordinator.Worker.Processes;

namespace Coordinator.Tests.Processes.Worker.Processes;

/// <summary>
/// Real programs under the launcher: what they get, what becomes of what they leave behind, and what is kept of what they say.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class ProgramLauncherTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly string folder = Directory.CreateTempSubdirectory("launcher-").FullName;
    private readonly ProgramLauncher launcher;

    public ProgramLauncherTests() => launcher = new ProgramLauncher(new ProgramPolicy { Allowed = true }, folder, 1, new SilentLog());

    public void Dispose()
    {
        launcher.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_program_ends_with_its_own_code_and_its_log_has_both_of_its_streams()
    {
        var program = Shell("echo out; echo err >&2; cd .; pwd; exit 3");

        var exit = await program.Exited.WaitAsync(Limit);

        Assert.Equal((3, (int?)null), (exit.Code, exit.Signal));
        Assert.Equal(["stderr F err", "stdout F " + folder, "stdout F out"], Lines().Order(StringComparer.Ordinal));
        Assert.Equal(["err"], program.Log.LastErrors(5));
    }

    [Fact]
    public async Task A_program_that_a_signal_ends_says_which()
    {
        var exit = await Shell("kill -SEGV $$").Exited.WaitAsync(Limit);

        Assert.Equal((null, 11, "signal 11 (SIGSEGV)", 139), (exit.Code, exit.Signal, exit.ToString(), exit.ShellCode));
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_told_as_a_shell_tells_it()
    {
        var program = launcher.Start(Command(["no-such-program"]), Log());

        Assert.Equal(127, (await program.Exited.WaitAsync(Limit)).Code);
        Assert.Contains("no-such-program", Assert.Single(program.Log.LastErrors(1)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_does_not_heed_SIGTERM_is_killed_after_its_grace()
    {
        var program = Shell("trap '' TERM; echo ready; while :; do sleep 1000; done", out var ready);
        await ready.WaitAsync(Limit);

        var exit = await program.StopAsync(TimeSpan.FromMilliseconds(1)).WaitAsync(Limit);

        Assert.Equal(9, exit.Signal);
    }

    [Fact]
    public async Task A_program_may_end_in_order_within_its_grace()
    {
        var program = Shell("trap 'echo bye; exit 7' TERM; echo ready; sleep 1000 & wait", out var ready);
        await ready.WaitAsync(Limit);

        Assert.Equal(7, (await program.StopAsync(Limit).WaitAsync(Limit)).Code);
        Assert.Contains("stdout F bye", Lines());
    }

    [Theory]
    [InlineData("sleep 1000 & echo $!; exit 0")]
    [InlineData("setsid sleep 1000 & echo $!; exec sleep 0")]
    [InlineData("(setsid sh -c 'sleep 1000 & sleep 1000' & echo $!) ; exit 1")]
    public async Task Whatever_a_program_leaves_behind_ends_with_it(string script)
    {
        var program = Shell(script, out var line);
        var left = int.Parse(await line.WaitAsync(Limit), System.Globalization.CultureInfo.InvariantCulture);

        await program.Exited.WaitAsync(Limit);

        Assert.False(Executable.IsAlive(left), $"process {left} of '{script}' lives");
    }

    [Fact]
    public async Task Whatever_runs_when_the_worker_ends_without_a_word_is_killed_by_the_watcher()
    {
        // A worker process of its own, which is killed: a shell stands in for it by holding the only other end of the watcher's pipe.
        var program = Shell("trap '' TERM HUP; setsid sleep 1000 & echo $!; exec sleep 1000", out var line);
        var left = int.Parse(await line.WaitAsync(Limit), System.Globalization.CultureInfo.InvariantCulture);

        launcher.Abandon();
        var exit = await program.Exited.WaitAsync(Limit);

        Assert.Equal(9, exit.Signal);
        Assert.False(Executable.IsAlive(left), $"process {left} lives");
    }

    [Fact]
    public async Task A_watcher_that_was_killed_is_replaced_and_knows_what_runs()
    {
        var program = Shell("echo ready; exec sleep 1000", out var ready);
        await ready.WaitAsync(Limit);
        Executable.Send("KILL", launcher.WatcherId);
        await launcher.WatcherEnds.WaitAsync(Limit);
        await Shell("exit 0").Exited.WaitAsync(Limit);

        launcher.Abandon();

        Assert.Equal(9, (await program.Exited.WaitAsync(Limit)).Signal);
    }

    [Fact]
    public async Task What_an_earlier_worker_of_the_node_left_is_killed_before_the_first_start()
    {
        var program = Shell("echo ready; exec sleep 1000", out var ready);
        await ready.WaitAsync(Limit);
        using var next = new ProgramLauncher(new ProgramPolicy { Allowed = true }, folder, 2, new SilentLog());

        await next.Start(Command(["true"]), new RankLog(new RankLogOptions(folder, "next"))).Exited.WaitAsync(Limit);

        Assert.Equal(9, (await program.Exited.WaitAsync(Limit)).Signal);
    }

    [Fact]
    public async Task A_program_has_the_environment_that_it_is_given_its_marks_and_nothing_else()
    {
        var program = launcher.Start(Command(["/usr/bin/env"], new() { ["PATH"] = "/usr/bin:/bin", ["RANK"] = "3" }), Log());

        await program.Exited.WaitAsync(Limit);

        Assert.Equal(
            ["COORDINATOR_START", "COORDINATOR_WORKER", "PATH", "PWD", "RANK"],
            Lines().Select(line => line["stdout F ".Length..].Split('=')[0]).Where(name => name is not ("OLDPWD" or "_")).Order(
                StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_program_inherits_the_files_that_it_is_given_and_no_others()
    {
        var path = Path.Combine(folder, "given");
        File.WriteAllText(path, "hello");
        using var given = File.OpenHandle(path);
        var program = launcher.Start(Command(["sh", "-c", "cat <&3; ls /proc/self/fd | wc -l"]) with { Handles = [given] }, Log());

        await program.Exited.WaitAsync(Limit);

        // 0 to 3, and the one by which ls reads the folder.
        Assert.Equal(["stdout F hello5"], Lines());
    }

    [Fact]
    public void A_worker_whose_operator_has_not_allowed_programs_starts_none()
    {
        using var closed = new ProgramLauncher(ProgramPolicy.Closed, folder, 1, new SilentLog());

        Assert.Throws<InvalidOperationException>(() => closed.Start(Command(["true"]), Log()));
    }

    [Fact]
    public async Task A_program_runs_as_the_user_that_the_operator_names_where_the_worker_may_change_it()
    {
        var user = ProgramUser.Find("nobody", out var problem);
        if (user is null)
        {
            Assert.Equal("only a worker that runs as root can start programs as another user", problem);
            return;
        }

        var policy = new ProgramPolicy { Allowed = true, User = user };
        var folders = new ProgramFolders(folder, policy);
        var talk = folders.TalkOf(new Coordinator.Machines.JobId($"test-{Environment.ProcessId}"), 1, 0);
        using var other = new ProgramLauncher(policy, folder, 3, new SilentLog());
        try
        {
            var program = other.Start(Command(["sh", "-c", "id -un && touch heartbeat && ! cat /etc/shadow 2>/dev/null && echo done"]) with
            {
                WorkFolder = talk,
                OwnedFolders = [talk],
            }, Log());

            Assert.Equal(0, (await program.Exited.WaitAsync(Limit)).Code);
            Assert.Equal(["stdout F nobody", "stdout F done"], Lines());
        }
        finally
        {
            Directory.Delete(Path.GetFullPath(Path.Combine(talk, "..", "..", "..")), recursive: true);
        }
    }

    [Fact]
    public async Task What_a_program_makes_has_the_permissions_that_its_users_mask_gives()
    {
        using var other = new ProgramLauncher(new ProgramPolicy { Allowed = true, Mask = "022" }, folder, 4, new SilentLog());

        await other.Start(Command(["sh", "-c", "umask; echo x > made"]), Log()).Exited.WaitAsync(Limit);

        Assert.Equal(["stdout F 0022"], Lines());
        Assert.True(File.GetUnixFileMode(Path.Combine(folder, "made")).HasFlag(UnixFileMode.OtherRead));
    }

    [Fact]
    public void A_user_that_is_not_there_is_said_to_be_none()
    {
        Assert.Null(ProgramUser.Find("no-such-user", out var problem));
        Assert.Equal("there is no such user on this host", problem);
    }

    private RunningProgram Shell(string script) => launcher.Start(Command(["sh", "-c", script]), Log());

    private RunningProgram Shell(string script, out Task<string> firstLine)
    {
        var first = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        firstLine = first.Task;
        return launcher.Start(
            Command(["sh", "-c", script]), new RankLog(new RankLogOptions(folder, "rank"), (_, line) => first.TrySetResult(line)));
    }

    private RankLog Log() => new(new RankLogOptions(folder, "rank"));

    private ProgramCommand Command(string[] arguments, Dictionary<string, string>? environment = null) =>
        new() { Arguments = arguments, WorkFolder = folder, Environment = environment ?? new() { ["PATH"] = "/usr/bin:/bin" } };

    /// <summary>The log without its times.</summary>
    private string[] Lines()
    {
        var piece = RankLogFiles.Read(folder, "rank", 0, 1 << 20)!;
        return [.. System.Text.Encoding.UTF8.GetString(piece.Bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(
            line => line[(line.IndexOf(' ') + 1)..])];
    }
}
