using Coordinator.Conformance;
using Coordinator.Engine;
using Coordinator.Machines;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Tests.Conformance;

/// <summary>The embedded engine without its threads: the transcript moves it.</summary>
public sealed class EmbeddedConformanceEngine : IConformanceEngine, IWorkerLinks
{
    private static readonly DateTimeOffset Wall = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<Told> told = [];
    private readonly BatchStore store;
    private EngineCore core = null!;
    private CommitBatch? held;
    private TimeSpan now = TimeSpan.FromHours(1);
    private ChaosOptions? chaos;
    private readonly Action<GrainAddress, GrainMessage>? heard;
    private int lives;

    /// <param name="storage">Storage to begin with.</param>
    /// <param name="acknowledgesEarly">Negative control: what waits for storage leaves at once.</param>
    /// <param name="heard">Sees what every grain hears.</param>
    public EmbeddedConformanceEngine(TranscriptStorage storage, bool acknowledgesEarly = false, Action<GrainAddress, GrainMessage>? heard = null)
    {
        this.heard = heard;
        Storage = storage;
        store = new BatchStore(storage) { AcknowledgesEarly = acknowledgesEarly };
        storage.Changed += TryHeld;
        Begin();
    }

    public TranscriptStorage Storage { get; }

    public IReadOnlyList<Told> Told => told;

    public Task PostAsync(GrainAddress to, GrainMessage message)
    {
        core.Post(to, message);
        return Task.CompletedTask;
    }

    public Task SettleAsync()
    {
        Run();
        return Task.CompletedTask;
    }

    public Task AdvanceAsync(TimeSpan time)
    {
        // Deadline by deadline, so that what follows from one may set another.
        var end = now + time;
        while (core.NextWake is { } wake && wake < end)
        {
            now = wake > now ? wake : now + TimeSpan.FromMilliseconds(1);
            Run();
        }

        now = end;
        Run();
        return Task.CompletedTask;
    }

    public Task KillAsync()
    {
        held = null;
        Begin();
        Run();
        return Task.CompletedTask;
    }

    public void Disturb(ulong seed, double probability)
    {
        // The engine is told when it starts; a restart of the process is part of the disturbance.
        Run();
        chaos = probability == 0 ? null : new ChaosOptions { Seed = seed, Loss = probability, Repeat = probability, Reorder = probability };
        Begin();
    }

    public Task<string?> DescribeAsync(GrainAddress grain) => Task.FromResult(core.Describe(now, grain));

    public void Send(NodeId node, CoordinatorMessage message) => told.Add(new Told(node, message));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Begin()
    {
        store.Forget();
        core = new EngineCore(
            new EngineOptions { Silo = $"silo-{++lives}", MachineFactory = (address, state) => heard is null ? MachineFactory.Create(address, state) : new Listening(MachineFactory.Create(address, state), heard), Chaos = chaos, OnBrokenInvariant = broken => throw new InvalidOperationException($"{broken.Grain}: {broken.Exception}") },
            store,
            this,
            NullLogger<EngineCore>.Instance);
        core.Start();
    }

    private void Run()
    {
        do
        {
            core.RunTurns(now, Wall + now, 10_000);
            if (held is null && core.TakeCommit(now) is { } batch)
                Commit(batch);
        }
        while (core.HasWork || core.NextWake <= now);
    }

    private void TryHeld()
    {
        if (held is not { } batch)
            return;
        held = null;
        Commit(batch);
    }

    private void Commit(CommitBatch batch)
    {
        try
        {
            if (store.TryCommit(batch) is { } result)
                core.CommitEnded(now, result);
            else
                held = batch;
        }
        catch (IOException away)
        {
            core.CommitFailed(now, away);
        }
    }

    private sealed class Listening(IMachine inner, Action<GrainAddress, GrainMessage> heard) : IMachine
    {
        public GrainAddress Address => inner.Address;

        public TimeSpan? NextDeadline => inner.NextDeadline;

        public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
        {
            heard(Address, message);
            inner.Handle(now, message, outputs);
        }

        public string Describe(TimeSpan now) => inner.Describe(now);
    }

    /// <summary>The transcript's storage as batches see it.</summary>
    private sealed class BatchStore(TranscriptStorage storage) : IEngineStore
    {
        private long last;

        public bool AcknowledgesEarly { get; init; }

        public void Forget() => last = 0;

        public IReadOnlyList<GrainAddress> List() => storage.List();

        public string? Load(GrainAddress address) => storage.Find(address)?.Json;

        public CommitResult Commit(CommitBatch batch) => TryCommit(batch) ?? throw new IOException("held");

        /// <returns>Null where the batch waits.</returns>
        public CommitResult? TryCommit(CommitBatch batch)
        {
            if (batch.Number <= last)
                return CommitResult.Committed;
            var fates = batch.States.Select(write => (write.Grain, Fate: storage.FateOf(write.Grain, write.State))).ToArray();
            if (batch.States.Count == 0 && storage.FateOf(GrainAddress.Cluster, null) == Fate.Away)
                throw new IOException("away");
            if (fates.Any(write => write.Fate == Fate.Away))
                throw new IOException("away");
            if (fates.Any(write => write.Fate == Fate.Held))
                return AcknowledgesEarly ? CommitResult.Committed : null;
            GrainAddress[] refused = [.. fates.Where(write => write.Fate == Fate.Refused).Select(write => write.Grain)];
            if (refused.Length > 0)
                return new CommitResult(refused);
            last = batch.Number;
            foreach (var write in batch.States)
                storage.Write(write.Grain, write.State);
            foreach (var write in batch.Events)
                storage.Write(GrainAddress.Cluster, new ObserveEvent(write.Event));
            foreach (var steps in batch.Steps)
                storage.Write(GrainAddress.Cluster, steps);
            return fates.Any(write => write.Fate == Fate.AcknowledgementLost) ? throw new IOException("the acknowledgement is lost") : CommitResult.Committed;
        }
    }
}
