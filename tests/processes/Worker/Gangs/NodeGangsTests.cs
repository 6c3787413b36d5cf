using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Tests.Support;
using Coordinator.Worker;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Files;
using Coordinator.Worker.Gangs;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Processes;

namespace Coordinator.Tests.Processes.Worker.Gangs;

/// <summary>A node's agents with real processes, ordered about by the test in the job's place.</summary>
public sealed class NodeGangsTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly JobId Job = new("g");

    private readonly string folder = Directory.CreateTempSubdirectory("gangs-").FullName;
    private readonly BlockingCollection<GangReport> reports = [];
    private readonly BlockingCollection<LogRead> pieces = [];
    private ProgramLauncher? launcher;
    private NodeGangs? gangs;
    private Func<GangBundle, Stream, CancellationToken, Task> fetch = (_, _, _) => throw new WebSocketException("no silo");
    private long heard;

    public void Dispose()
    {
        gangs?.Dispose();
        launcher?.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_worker_whose_operator_has_not_allowed_programs_refuses_and_says_what_to_do()
    {
        Start(ProgramPolicy.Closed);
        Order(GangWish.Prepare, 1, Spec("true"));

        var refused = Await(report => report.Phase == GangPhase.Refused);

        Assert.Equal(
            "it starts no programs: start the worker with --allow-programs to let those who may submit jobs run programs on this host",
            refused.Detail);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_refused_by_its_name()
    {
        Start();
        Order(GangWish.Prepare, 1, Spec("true") with { WorkFolder = "/no/such/folder" });

        Assert.Equal(
            "there is no folder /no/such/folder here; --workdir must be there on every node",
            Await(report => report.Phase == GangPhase.Refused).Detail);
    }

    [Fact]
    public void Processes_are_started_with_their_place_and_how_each_ended_is_told_with_its_last_words()
    {
        Start();
        Run(1, Spec("echo COORDINATOR_STEP=7; [ $LOCAL_RANK = 0 ] || { echo bad >&2; exit 4; }"));

        var report = Await(report => report.Ranks.Count == 2 && report.Ranks.All(rank => rank.Exit is not null));

        Assert.Equal((2, 0, 3, 4), (report.Ranks[0].Rank, report.Ranks[0].Exit!.Code, report.Ranks[1].Rank, report.Ranks[1].Exit!.Code));
        Assert.Equal(["bad"], report.Ranks[1].Exit!.LastLines);
        Assert.Equal(7, report.Step);
        Assert.False(report.Ranks[1].Exit!.Asked);
    }

    [Fact]
    public void What_is_told_to_stop_is_dead_when_that_is_reported_and_a_later_generation_may_begin()
    {
        Start();
        Run(1, Spec("trap '' TERM; sleep 1000 & wait; sleep 1000") with { Grace = TimeSpan.FromMilliseconds(50) });
        var pids = Await(report => report.Ranks.Count == 2 && report.Ranks.All(rank => rank.ProcessId > 0)).Ranks
            .Select(rank => rank.ProcessId).ToArray();
        Order(GangWish.Stop, 1);

        var stopped = Await(report => report.Phase == GangPhase.Stopped);

        Assert.DoesNotContain(pids, Executable.IsAlive);
        Assert.All(stopped.Ranks, rank => Assert.True(rank.Exit!.Asked));
        Run(2, Spec("true"));
        Await(report => report is { Generation: 2, Ranks.Count: 2 } && report.Ranks.All(rank => rank.Exit is { Code: 0 }));
    }

    [Fact]
    public void An_order_for_an_earlier_process_of_the_node_starts_nothing()
    {
        Start();
        gangs!.Handle(new GangOrdered(new GangOrder
        {
            Job = Job,
            Incarnation = 1,
            Generation = 1,
            Wish = GangWish.Prepare,
            Boot = 999,
            Spec = Spec("true"),
            Seat = new GangSeat(1, 2, [0, 1], 0),
        }));

        Assert.Empty(Await(report => report.Phase == GangPhase.Stopped).Ranks);
    }

    [Fact]
    public void A_lease_that_nobody_renews_ends_the_processes()
    {
        Start();
        Run(1, Spec("exec sleep 1000") with { Lease = TimeSpan.FromSeconds(1) });

        var stopped = Await(report => report.Phase == GangPhase.Stopped);

        Assert.Equal("neither the job nor a majority of its agents was heard for 1 s", stopped.Detail);
        Assert.All(stopped.Ranks, rank => Assert.Equal((9, true), (rank.Exit!.Signal, rank.Exit.Asked)));
    }

    [Fact]
    public void A_process_that_gives_no_sign_of_life_is_looked_at_and_killed_where_that_is_asked_for()
    {
        Start();
        Run(1, Spec(
            """
            [ $LOCAL_RANK = 0 ] || { echo $$ > silent; exec sleep 1000; }
            until [ -s silent ]; do sleep 0.05; done
            read -r silent < silent
            while kill -0 $silent 2> /dev/null; do n=$((n + 1)); touch -d "@$n" "$COORDINATOR_HEARTBEAT"; sleep 0.1; done
            """) with
        {
            HangTimeout = TimeSpan.FromSeconds(2),
            Lease = TimeSpan.FromMinutes(1),
        });

        var report = Await(report => report.Ranks.Count == 2 && report.Ranks.All(rank => rank.Exit is not null));

        // The other one was not silent: it has touched its file, with times of its own.
        Assert.Equal((0, false), (report.Ranks[0].Exit!.Code, report.Ranks[0].Exit!.Hung));
        Assert.True(report.Ranks[1] is { Rank: 3, Exit: { Hung: true, Signal: 9, Asked: false } });
        gangs!.Handle(new LogAsked(new LogQuestion("q", Job, 3, 0, 0, 65536)));
        Assert.True(pieces.TryTake(out var piece, Limit));
        var text = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(piece!.Bytes));
        Assert.Contains("coordinator F no output and no touch of the heartbeat file for", text, StringComparison.Ordinal);
        Assert.Contains("sleep 1000", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_port_for_rank_0_is_held_and_lets_nobody_in_before_the_program_does()
    {
        Start();
        Order(GangWish.Prepare, 1, Spec("true"), index: 0);
        var port = new IPEndPoint(IPAddress.Loopback, Await(report => report.Phase == GangPhase.Ready).MasterPort);

        // A rank of another node may be sooner there than rank 0: it must be refused, and try again, not be let in and thrown out.
        using var early = new TcpClient();
        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => early.Connect(port)).SocketErrorCode);

        // Nobody takes the port meanwhile, whatever they are willing to share; once the program runs it is free for it.
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => other.Bind(port)).SocketErrorCode);
        Begin(1);
        Await(report => report.Ranks.Count == 2 && report.Ranks.All(rank => rank.Exit is { Code: 0 }));
        other.Bind(port);
    }

    [Fact]
    public void A_bundle_that_a_given_up_generation_still_brings_is_no_obstacle_to_the_next_one()
    {
        Directory.CreateDirectory(Path.Combine(folder, "source"));
        File.WriteAllText(Path.Combine(folder, "source", "program.sh"), "exit 0");
        using var packed = new MemoryStream();
        PackedFolder.Pack(PackedFolder.Everything(Path.Combine(folder, "source")), packed);
        var spec = Spec(". ./program.sh") with
        {
            WorkFolder = "",
            Bundle = new GangBundle(Convert.ToHexStringLower(SHA256.HashData(packed.ToArray())), packed.Length),
        };
        using var begun = new SemaphoreSlim(0);
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fetch = async (_, to, _) =>
        {
            begun.Release();
            await held.Task;
            await to.WriteAsync(packed.ToArray(), CancellationToken.None);
        };
        Start();
        Order(GangWish.Prepare, 1, spec);
        Assert.True(begun.Wait(Limit));
        Order(GangWish.Stop, 1);
        Await(report => report.Phase == GangPhase.Stopped);
        Order(GangWish.Prepare, 2, spec);
        Await(report => report is { Generation: 2, Phase: GangPhase.Preparing, Detail: "brings the bundle" });
        held.SetResult();
        Await(report => report is { Generation: 2, Phase: GangPhase.Ready });
        Begin(2);

        Await(report => report.Ranks.Count == 2 && report.Ranks.All(rank => rank.Exit is { Code: 0 }));
    }

    [Fact]
    public void A_log_that_is_not_there_is_said_to_be_none()
    {
        Start();
        gangs!.Handle(new LogAsked(new LogQuestion("q", Job, 3, 0, 0, 100)));

        Assert.True(pieces.TryTake(out var piece, Limit));
        Assert.False(piece!.Found);
    }

    private void Start(ProgramPolicy? policy = null)
    {
        policy ??= new ProgramPolicy { Allowed = true };
        launcher = new ProgramLauncher(policy, folder, 1000, new SilentLog());
        var options = new WorkerOptions
        {
            Node = new NodeId("n1"),
            Silos = [new Uri("http://127.0.0.1:1")],
            Boot = 1000,
            Gpus = CpuDeviceClass.Devices(2),
        };
        gangs = new NodeGangs(options, new GangServices(launcher, new ProgramFolders(folder, policy))
        {
            FetchBundle = (bundle, to, cancel) => fetch(bundle, to, cancel),
        }, new SilentLog(), message =>
        {
            if (message is GangReport report)
                reports.Add(report);
            else if (message is LogRead piece)
                pieces.Add(piece);
        });
    }

    /// <summary>Node 1 of 2: ranks 2 and 3.</summary>
    private void Run(long generation, GangSpec spec)
    {
        Order(GangWish.Prepare, generation, spec);
        Await(report => report.Generation == generation && report.Phase == GangPhase.Ready);
        Begin(generation);
    }

    private void Begin(long generation) => gangs!.Handle(new GangOrdered(new GangOrder
    {
        Job = Job,
        Incarnation = 1,
        Generation = generation,
        Wish = GangWish.Run,
        Heard = heard,
        Boot = 1000,
        Start = new GangStart(
            "127.0.0.1", 29500, Convert.ToBase64String(new byte[32]), [new GangPeer(0, "127.0.0.1:9"), new GangPeer(1, "127.0.0.1:9")]),
    }));

    private void Order(GangWish wish, long generation, GangSpec? spec = null, int index = 1) => gangs!.Handle(new GangOrdered(new GangOrder
    {
        Job = Job,
        Incarnation = 1,
        Generation = generation,
        Wish = wish,
        Heard = heard,
        Boot = 1000,
        Spec = spec,
        Seat = spec is null ? null : new GangSeat(index, 2, [0, 1], 0),
    }));

    /// <summary>Reports come for as long as the gang lives, so it is all of them that have a limit, and not each.</summary>
    private GangReport Await(Func<GangReport, bool> isWanted)
    {
        using var limit = new CancellationTokenSource(Limit);
        GangReport? last = null;
        try
        {
            foreach (var report in reports.GetConsumingEnumerable(limit.Token))
            {
                (last, heard) = (report, report.Sequence);
                if (isWanted(report))
                    return report;
            }
        }
        catch (OperationCanceledException)
        {
            // It is said below what came instead.
        }

        throw new TimeoutException($"no such report came; the last one is {last}");
    }

    private GangSpec Spec(string script) => new()
    {
        Command = ["sh", "-c", script],
        MaxNodes = 2,
        MinNodes = 2,
        GpusPerNode = 2,
        WorkFolder = folder,
        Lease = TimeSpan.FromMinutes(1),
    };
}
