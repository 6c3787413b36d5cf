using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Files;
using Coordinator.Worker.Processes;

namespace Coordinator.Worker.Gangs;

/// <summary>
/// The agent of one gang on this node: its machine, and the processes, ports and folders that the machine asks for. Everything that happens
/// is handed to the machine under one lock, and what it asks for is done there too but for what takes long.
/// </summary>
internal sealed class GangHost : IDisposable
{
    private const string StepLine = "COORDINATOR_STEP=";

    private static readonly TimeSpan LookPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    private readonly WorkerOptions options;
    private readonly GangServices services;
    private readonly IWorkerLog log;
    private readonly Action<WorkerMessage> tell;
    private readonly Action<GangHost> forget;
    private readonly GangAgentMachine machine;
    private readonly Lock gate = new();
    private readonly Timer timer;
    private readonly Timer looks;
    private readonly Dictionary<int, GangRankProcess> ranks = [];
    private readonly List<GangAgentOutput> outputs = [];
    private readonly CancellationTokenSource ended = new();
    private CancellationTokenSource preparing = new();

    /// <summary>
    /// Holds the port for rank 0. It is bound and does not listen: a rank that is sooner there than rank 0 is refused, as by a program that
    /// has not begun, and tries again; one that was let in would be thrown out a moment later.
    /// </summary>
    private Socket? master;
    private LeaseSocket? lease;
    private TaskCompletionSource? stopped;
    private bool disposed;

    public GangHost(
        JobId job,
        (long Incarnation, long Generation) floor,
        WorkerOptions options,
        GangServices services,
        IWorkerLog log,
        Action<WorkerMessage> tell,
        Action<GangHost> forget)
    {
        (this.options, this.services, this.log, this.tell, this.forget) = (options, services, log, tell, forget);
        machine = new GangAgentMachine(job, options.Boot, floor);
        timer = new Timer(_ => Take(new AgentTimePassed()));
        looks = new Timer(_ => Look(), null, LookPeriod, LookPeriod);
    }

    public JobId Job => machine.Job;

    /// <summary>The newest order that was obeyed.</summary>
    public (long Incarnation, long Generation) Obeyed => machine.Obeyed;

    /// <summary>Hands the machine what happened, and does what it asks for.</summary>
    public void Take(GangAgentInput input)
    {
        lock (gate)
        {
            if (disposed)
                return;
            outputs.Clear();
            machine.Handle(Monotonic.Now, input, outputs);
            foreach (var output in outputs.ToArray())
                CarryOut(output);
            if (machine.Phase is GangPhase.Stopped or GangPhase.Refused)
                stopped?.TrySetResult();
            if (machine.NextDeadline is { } at && !disposed)
                timer.Change(at - Monotonic.Now is var wait && wait > ShortestWait ? wait : ShortestWait, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Ends the processes in order; ends when none is left.</summary>
    public Task LeaveAsync(string reason)
    {
        lock (gate)
            stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Take(new AgentLeaving(reason));
        return stopped.Task;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            foreach (var rank in ranks.Values)
                rank.Program?.Kill();
            DropPorts();
        }

        ended.Cancel();
        timer.Dispose();
        looks.Dispose();
    }

    private void CarryOut(GangAgentOutput output)
    {
        switch (output)
        {
            case PrepareRanks prepare:
                preparing.Dispose();
                preparing = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
                _ = Task.Run(() => PrepareAsync(prepare, preparing.Token));
                break;
            case RunRanks run:
                StartAll(run);
                break;
            case EndRanks:
                log.Info($"{Job}: ending its processes of generation {machine.Generation}");
                foreach (var rank in ranks.Values)
                    rank.Program?.Signal(15);
                break;
            case KillRanks:
                foreach (var rank in ranks.Values)
                    rank.Program?.Kill();
                break;
            case DropPreparation:
                preparing.Cancel();
                DropPorts();
                break;
            case AskPeers ask:
                lease?.Ask(ask.Start, ask.SentAt);
                break;
            case TellGang said:
                tell(said.Report);
                break;
            case ForgetGang:
                forget(this);
                break;
        }
    }

    private async Task PrepareAsync(PrepareRanks prepare, CancellationToken cancel)
    {
        try
        {
            if (!services.Launcher.Policy.Allowed)
            {
                throw new InvalidDataException("it starts no programs: start the worker with --allow-programs to let those who may submit "
                    + "jobs run programs on this host");
            }
            services.Launcher.Sweep();
            services.Folders.Prune(Job, prepare.Generation);
            if (prepare.Spec.Bundle is { } bundle)
                await BringAsync(bundle, prepare.Generation, cancel).ConfigureAwait(false);
            else if (prepare.Spec.WorkFolder.Length > 0 && !Directory.Exists(prepare.Spec.WorkFolder))
                throw new InvalidDataException($"there is no folder {prepare.Spec.WorkFolder} here; --workdir must be there on every node");
            lock (gate)
            {
                cancel.ThrowIfCancellationRequested();
                DropPorts();
                lease = new LeaseSocket(
                    options.DataListen.Address,
                    Job,
                    prepare.Generation,
                    () => machine.Answers(prepare.Generation),
                    (index, sentAt) => Take(new AgentPeerAnswered(prepare.Generation, index, sentAt)));
                if (prepare.Seat.Index == 0)
                {
                    // Without a named protocol .NET leaves out SO_REUSEADDR, with which anybody else who has it could bind the port, too.
                    master = new Socket(options.DataListen.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
                    master.Bind(new IPEndPoint(options.DataListen.Address, 0));
                }

                Take(new AgentPrepared(prepare.Generation, master is null ? 0 : ((IPEndPoint)master.LocalEndPoint!).Port, lease.Port));
            }
        }
        catch (OperationCanceledException)
        {
            // The generation ended before it began.
        }
        catch (Exception cannot)
        {
            log.Warn($"{Job}: cannot take part in generation {prepare.Generation}: {cannot.Message}");
            Take(new AgentCannotPrepare(prepare.Generation, cannot.Message));
        }
    }

    /// <summary>
    /// A bundle is unpacked once, and never changed: what its programs write into it is for the node's next generations, too.
    /// </summary>
    private async Task BringAsync(GangBundle bundle, long generation, CancellationToken cancel)
    {
        var folder = services.Folders.BundleOf(bundle.Sha256);
        if (Directory.Exists(folder))
            return;
        Take(new AgentPreparing(generation, "brings the bundle"));
        var turn = services.BundleTurns.GetOrAdd(bundle.Sha256, _ => new SemaphoreSlim(1));
        await turn.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (!Directory.Exists(folder))
                await BringAsync(bundle, folder, cancel).ConfigureAwait(false);
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task BringAsync(GangBundle bundle, string folder, CancellationToken cancel)
    {
        var (part, unpacked) = (folder + ".part", folder + ".part.d");
        DropUnfinished(unpacked);
        try
        {
            var file = new FileStream(part, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
            await using (file.ConfigureAwait(false))
            {
                await services.FetchBundle(bundle, file, cancel).ConfigureAwait(false);
                file.Position = 0;
                if (Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel).ConfigureAwait(false)) != bundle.Sha256)
                    throw new InvalidDataException($"the bundle {bundle.Sha256} arrived with other bytes");
                file.Position = 0;
                await Task.Run(() => Unpack(file, unpacked, cancel), cancel).ConfigureAwait(false);
            }

            Directory.Move(unpacked, folder);
        }
        catch
        {
            DropUnfinished(unpacked);
            throw;
        }
    }

    /// <summary>What was begun now, or by a worker that was killed at it.</summary>
    private static void DropUnfinished(string unpacked)
    {
        if (Directory.Exists(unpacked))
            Directory.Delete(unpacked, recursive: true);
    }

    private void Unpack(FileStream file, string folder, CancellationToken cancel)
    {
        var made = PackedFolder.Unpack(file, folder, cancel);
        if (services.Launcher.Policy.User is not { Prefix.Count: > 0 } user)
            return;
        foreach (var path in made)
            NativeProcess.GiveTo(path, user);
    }

    private void StartAll(RunRanks run)
    {
        master?.Dispose();
        master = null;
        lease?.Begin(run.Start, run.Seat.Index);
        ranks.Clear();
        log.Info($"{Job}: starting {run.Seat.Gpus.Count} processes of generation {run.Generation}");

        // A start takes a millisecond or two, and nobody else is to wait for all of them.
        var (logs, work) = (
            services.Folders.LogsOf(Job), run.Spec.Bundle is { } bundle ? services.Folders.BundleOf(bundle.Sha256) : run.Spec.WorkFolder);
        _ = Task.Run(() =>
        {
            for (var local = 0; local < run.Seat.Gpus.Count; local++)
                Start(run, local, logs, work);
        });
    }

    private void Start(RunRanks run, int local, string logs, string work)
    {
        var rank = (run.Seat.Index * run.Seat.Gpus.Count) + local;
        lock (gate)
        {
            // It may be over before all of them have started.
            if (disposed || machine.Phase != GangPhase.Running || machine.Generation != run.Generation)
            {
                Take(new AgentRankEnded(run.Generation, rank, new GangExit(null, 9, 0)));
                return;
            }

            try
            {
                var talk = services.Folders.TalkOf(Job, run.Generation, rank);
                var process = new GangRankProcess(rank, talk, new RankLog(
                    new RankLogOptions(logs, ProgramFolders.LogName(run.Generation, rank)), (_, line) => OnLine(run.Generation, line)));
                var program = services.Launcher.Start(
                    new ProgramCommand
                    {
                        Arguments = run.Spec.Command,
                        WorkFolder = work.Length > 0 ? work : services.Folders.WorkOf(Job),
                        Environment = ProgramEnvironment.Of(services.Environment, services.Launcher.Policy, RankEnvironment.Of(
                            Job, run.Generation, run.Spec, run.Seat, run.Start, local, options.Gpus, talk, VisibleDevices)),
                        OwnedFolders = work.Length > 0 ? [talk] : [talk, services.Folders.WorkOf(Job)],
                    },
                    process.Log);
                process.Program = program;
                ranks[rank] = process;
                _ = program.Exited.ContinueWith(exit => OnExit(run.Generation, process, exit), TaskScheduler.Default);
                Take(new AgentRankStarted(run.Generation, rank, program.Id));
            }
            catch (Exception cannot) when (cannot is IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                Take(new AgentRankEnded(run.Generation, rank, new GangExit(126, null, 0) { Error = cannot.Message }));
            }
        }
    }

    private string? VisibleDevices =>
        services.Environment.Where(pair => pair.Key == "CUDA_VISIBLE_DEVICES").Select(pair => pair.Value).FirstOrDefault();

    private void OnExit(long generation, GangRankProcess process, Task<ProgramExit> exit)
    {
        var how = exit.IsCompletedSuccessfully ? exit.Result : new ProgramExit(null, 9, TimeSpan.Zero, 0);
        var described = process.Describe(how);
        if (!how.IsSuccess)
            log.Info($"{Job}: rank {process.Rank} of generation {generation} ended: {how}");
        Take(new AgentRankEnded(generation, process.Rank, described));
    }

    private void OnLine(long generation, string line)
    {
        if (line.StartsWith(StepLine, StringComparison.Ordinal)
            && long.TryParse(line.AsSpan(StepLine.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var step))
        {
            Take(new AgentHeardRank(generation, step));
        }
    }

    /// <summary>Which processes have shown that they live, and which have not for too long.</summary>
    private void Look()
    {
        List<(GangRankProcess Rank, TimeSpan Silent)> hung = [];
        lock (gate)
        {
            if (disposed || machine.Phase != GangPhase.Running || ranks.Count == 0)
                return;
            var heard = ranks.Values.Max(rank => rank.HeardAt());
            if (heard > Monotonic.Now - LookPeriod - LookPeriod)
                Take(new AgentHeardRank(machine.Generation, 0));
            if (machine.Spec?.HangTimeout is not { } limit)
                return;
            hung.AddRange(ranks.Values.Where(rank => rank.Program is { Exited.IsCompleted: false })
                .Select(rank => (rank, Silent: Monotonic.Now - rank.HeardAt())).Where(rank => rank.Silent >= limit));
        }

        foreach (var (rank, silent) in hung)
            _ = rank.EndHungAsync(silent);
    }

    private void DropPorts()
    {
        master?.Dispose();
        lease?.Dispose();
        (master, lease) = (null, null);
    }
}
