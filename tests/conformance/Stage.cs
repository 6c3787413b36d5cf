using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>An engine with fake workers around it, and the record of what was said to them. Time passes here for both.</summary>
internal sealed class Stage(IConformanceEngine engine)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Halfway = Tick / 2;

    /// <summary>Exchanges without time passing after which engine and workers talk in a circle.</summary>
    private const int MaxRounds = 2000;

    private readonly SortedDictionary<NodeId, FakeWorker> workers = [];
    private readonly List<string> complaints = [];
    private TimeSpan now;
    private TimeSpan nextTick = Halfway;
    private long boots = 1_000_000;

    public IConformanceEngine Engine => engine;

    /// <summary>All that ever left for workers.</summary>
    public List<SendToWorker> Sent { get; } = [];

    public FakeWorker Worker(string node) =>
        workers.TryGetValue(new NodeId(node), out var worker) ? worker : throw new FormatException($"no worker of '{node}' was ever there");

    public Task ConnectAsync(string node, int gpus, string deviceClass)
    {
        var id = new NodeId(node);
        boots += 1000;
        var trains = workers.TryGetValue(id, out var before) && before.Trains;
        var worker = workers[id] = new FakeWorker(
            id,
            boots,
            gpus,
            deviceClass,
            complaints.Add)
        { Trains = trains, Clock = () => now, Peers = peer => workers.GetValueOrDefault(peer) };
        return PostAsync(worker, worker.Connect(now));
    }

    public Task ReconnectAsync(string node) => PostAsync(Worker(node), Worker(node).Connect(now));

    public Task DisconnectAsync(string node, string reason)
    {
        var worker = Worker(node);
        var gone = new WorkerDisconnected(worker.Session, reason);
        worker.LoseConnection(now);
        return PostAsync(worker, gone);
    }

    public Task DieAsync(string node)
    {
        var worker = Worker(node);
        var gone = new WorkerDisconnected(worker.Session, "connection reset");
        var told = worker.Connected;
        worker.Die();
        return told ? PostAsync(worker, gone) : Task.CompletedTask;
    }

    public Task SayAsync(FakeWorker worker, WorkerMessage message) => PostAsync(worker, new WorkerSaid(worker.Session, message));

    /// <summary>All grains are gone; and so are the connections, unless other silos hold them.</summary>
    public async Task KillSiloAsync(bool withConnections)
    {
        await engine.KillAsync().ConfigureAwait(false);
        foreach (var worker in workers.Values.Where(worker => worker.Connected && withConnections))
            worker.LoseConnection(now);
    }

    /// <summary>Lets engine and workers talk until neither has anything to say before time passes.</summary>
    public async Task SettleAsync()
    {
        for (var round = 0; round < MaxRounds; round++)
        {
            await engine.SettleAsync().ConfigureAwait(false);
            var sent = engine.TakeSent();
            if (complaints.Count > 0)
                throw new TranscriptFailedException(complaints[0]);
            if (sent.Count == 0)
                return;
            Sent.AddRange(sent);
            foreach (var (node, message) in sent)
            {
                if (workers.TryGetValue(node, out var worker) && worker.Connected)
                    await HearAsync(worker, message).ConfigureAwait(false);
            }
        }

        throw new TranscriptFailedException($"engine and workers have exchanged {MaxRounds} rounds of messages without an end");
    }

    public async Task AdvanceAsync(TimeSpan by)
    {
        await SettleAsync().ConfigureAwait(false);
        var end = now + by;
        for (var (standing, before) = (0, now); now < end; standing = now == before ? standing + 1 : 0, before = now)
        {
            if (standing > MaxRounds)
                throw new TranscriptFailedException($"the engine has had something to do {MaxRounds} times without time passing");
            var next = workers.Count > 0 && nextTick < end ? nextTick : end;
            now += await engine.AdvanceAsync(next - now).ConfigureAwait(false);
            if (now >= nextTick)
                await TickAsync().ConfigureAwait(false);
            await SettleAsync().ConfigureAwait(false);
        }
    }

    private async Task HearAsync(FakeWorker worker, CoordinatorMessage message)
    {
        if (message is HelloWanted wanted && wanted.Session == worker.Session)
            await PostAsync(worker, worker.Introduce(wanted.Proof)).ConfigureAwait(false);
        if (!worker.Trains || worker.Silent)
            return;
        foreach (var said in worker.Obey(message).ToArray())
            await SayAsync(worker, said).ConfigureAwait(false);
    }

    private async Task TickAsync()
    {
        nextTick += Tick;
        foreach (var worker in workers.Values)
        {
            if (worker.IsDueToReconnect(now))
                await PostAsync(worker, worker.Connect(now)).ConfigureAwait(false);
            foreach (var said in worker.OnTime(now).ToArray())
                await SayAsync(worker, said).ConfigureAwait(false);
        }

        var models = new List<(JobId Job, long Step)>();
        foreach (var (worker, said) in new FakeTraining(workers.Values).Step((job, step) => models.Add((job, step))).ToArray())
        {
            if (worker.Connected)
                await SayAsync(worker, said).ConfigureAwait(false);
        }

        foreach (var (job, step) in models)
            await engine.PostAsync(GrainAddress.Of(job), new ModelStored(FakeRank.Sha256, 8) { Step = step }).ConfigureAwait(false);
    }

    private Task PostAsync(FakeWorker worker, GrainMessage message) => engine.PostAsync(GrainAddress.Of(worker.Node), message);
}
