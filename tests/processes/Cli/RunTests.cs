using System.Globalization;
using Coordinator.Cli.Commands;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>Gangs of real processes: what is killed, what that costs, and what is left.</summary>
public sealed class RunTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>
    /// Counts to 60 from where it was, a number every 50 ms, and notes each with the machine's own time: what it is for its rank is its own
    /// affair.
    /// </summary>
    private const string Counter =
        """
        n=$(cat "count-$RANK" 2>/dev/null || echo 0)
        while [ "$n" -lt 60 ]; do
          n=$((n + 1))
          echo "$n" > "count-$RANK.new" && mv "count-$RANK.new" "count-$RANK"
          read -r up rest < /proc/uptime
          echo "$COORDINATOR_GENERATION $RANK $$ $up" >> "record-$RANK"
          echo "COORDINATOR_STEP=$n"
          sleep 0.05
        done
        echo "rank $RANK has counted to $n"
        """;

    [Fact]
    public async Task The_exit_code_is_that_of_the_process_that_failed_first_and_its_last_words_are_told()
    {
        using var folder = new TemporaryFolder();
        using var run = Run(
            folder,
            "--workers",
            "2",
            "--restarts",
            "0",
            "--",
            "sh",
            "-c",
            "[ $RANK = 1 ] && { echo bad sample >&2; exit 7; }; exec sleep 1000");

        Assert.True(await run.EndAsync(Limit) == 7, run.Output);
        Assert.Contains("generation 1 ended: rank 1 on worker-2: exit code 7: bad sample", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_goes_on_after_the_kill_of_a_process_of_a_worker_and_of_the_silo_and_no_two_generations_run_at_once()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("counter.sh"), Counter);
        using var run = Run(folder, "--workers", "2", "--lease", "3s", "--grace", "1s", "--", "sh", "./counter.sh");
        using var client = await ConnectAsync(run);

        // The silo's death disturbs nothing; then a process dies, and then a worker with all of its own.
        var first = await GenerationAsync(client, 1);
        Executable.Send("KILL", (await client.GetInfoAsync()).ProcessId);
        var process = first.Nodes[1].Ranks[0].ProcessId;
        await AwaitCountAsync(folder, 1, 5);
        Executable.Send("KILL", process);
        var second = await GenerationAsync(client, 2);
        var worker = await WorkerOfAsync(client, second.Nodes[0].Node);
        await AwaitCountAsync(folder, 1, 20);
        var log = await client.GetGangLogAsync(second.Id, 1, second.Generation, 0);
        Assert.Contains(
            " stdout F COORDINATOR_STEP=",
            System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(log!.Bytes)),
            StringComparison.Ordinal);
        Executable.Send("KILL", worker);

        Assert.True(await run.EndAsync(Limit) == 0, run.Output);
        Assert.Equal(["60", "60"], new[] { 0, 1 }.Select(rank => File.ReadAllText(folder.File($"count-{rank}")).Trim()));
        var records = new[] { 0, 1 }.SelectMany(rank => File.ReadAllLines(folder.File($"record-{rank}"))).Select(line => line.Split(' '))
            .Select(parts => (
                Generation: int.Parse(parts[0], CultureInfo.InvariantCulture),
                Pid: int.Parse(parts[2], CultureInfo.InvariantCulture),
                At: double.Parse(parts[3], CultureInfo.InvariantCulture))).ToArray();
        Assert.Equal([1, 2, 3], records.Select(record => record.Generation).Distinct().Order());
        Assert.True(records.Where(record => record.Generation == 1).Max(record => record.At) <= records.Where(
            record => record.Generation == 2).Min(record => record.At), "generations 1 and 2 overlap");
        Assert.True(records.Where(record => record.Generation == 2).Max(record => record.At) <= records.Where(
            record => record.Generation == 3).Min(record => record.At), "generations 2 and 3 overlap");
        Assert.DoesNotContain(records.Select(record => record.Pid).Distinct(), Executable.IsAlive);
    }

    [Fact]
    public async Task A_signal_ends_the_processes_in_order_and_says_that_it_may_be_started_again()
    {
        using var folder = new TemporaryFolder();
        using var run = Run(
            folder, "--workers", "1", "--", "sh", "-c", "trap 'echo saved; exit 0' TERM; echo ready $$; while :; do sleep 0.1; done");
        var line = await run.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the program", Limit);

        run.Signal("TERM");

        Assert.True(await run.EndAsync(Limit) == 75, run.Output);
        Assert.Contains("saved", run.Output, StringComparison.Ordinal);
        Assert.False(Executable.IsAlive(int.Parse(line["ready ".Length..], CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task What_is_killed_with_everything_leaves_no_process_behind()
    {
        using var folder = new TemporaryFolder();
        using var run = Run(folder, "--workers", "1", "--", "sh", "-c", "trap '' TERM HUP; sleep 1000 & echo ready $$ $!; wait");
        var line = await run.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the program", Limit);
        using var client = await ConnectAsync(run);
        var worker = await WorkerOfAsync(client, new NodeId("worker-1"));

        run.Kill();
        Executable.Send("KILL", worker);
        await run.EndAsync(Limit);

        foreach (var process in line.Split(' ')[1..].Select(int.Parse))
            await EndedAsync(process);
    }

    [Theory]
    [InlineData("--grace is 'soon', which is no duration; write one such as 10s, 5m or 500ms.", "run", "--grace", "soon", "--", "true")]
    [InlineData(
        "--hang-timeout is '5', which is no duration; write one such as 10s, 5m or 500ms.", "run", "--hang-timeout", "5", "--", "true")]
    [InlineData("--gpus-per-node is 0; choose 1 or more.", "run", "--gpus-per-node", "0", "--", "true")]
    [InlineData("--for is 'dinner'; choose running, finished, failed, over or step=N.", "wait", "--for", "dinner")]
    public void What_cannot_be_is_refused_by_its_name(string message, params string[] arguments) =>
        Assert.Equal(message, Assert.Single(CommandLine.Create().Parse(arguments).Errors).Message);

    private static Executable Run(TemporaryFolder folder, params string[] arguments)
    {
        var work = arguments.Contains("--workdir") ? [] : new[] { "--workdir", folder.Path };
        return new(["run", "--run-dir", folder.File("run"), .. work, .. arguments]);
    }

    private static async Task<CoordinatorClient> ConnectAsync(Executable run)
    {
        const string silo = "export COORDINATOR_SILO=", token = "export COORDINATOR_TOKEN_FILE=";
        var url = await run.LineAsync(line => line.StartsWith(silo, StringComparison.Ordinal), "the address", Limit);
        var file = await run.LineAsync(line => line.StartsWith(token, StringComparison.Ordinal), "the token", Limit);
        return new CoordinatorClient(url[silo.Length..], SiloToken.Load(file[token.Length..]));
    }

    /// <summary>The gang, once all processes of a generation run.</summary>
    private static async Task<GangView> GenerationAsync(CoordinatorClient client, long generation)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            if ((await TryAsync(() => client.GetGangsAsync(limit.Token))) is [{ } view, ..] && view.Generation >= generation
                && view.Nodes.Count == 2 && view.Nodes.All(node => node.Ranks is [{ ProcessId: > 0 }, ..]))
            {
                return view;
            }
        }
    }

    private static async Task<int> WorkerOfAsync(CoordinatorClient client, NodeId node)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            if (await TryAsync(() => client.GetNodeAsync(node, limit.Token)) is { ProcessId: > 0 } view)
                return view.ProcessId;
        }
    }

    private static async Task<T?> TryAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (CoordinatorApiException)
        {
            return default;
        }
    }

    private static async Task AwaitCountAsync(TemporaryFolder folder, int rank, int count)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!File.Exists(folder.File($"record-{rank}")) || (await File.ReadAllLinesAsync(folder.File($"record-{rank}"))).Length < count)
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task EndedAsync(int process)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (Executable.IsAlive(process))
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
