using Coordinator.Machines;
using Microsoft.Extensions.Logging;

namespace Coordinator.Engine;

/// <summary>
/// The embedded engine without threads and clock: whoever owns it hands in messages and the time, carries out commits and
/// reports how they ended. Not thread-safe, except <see cref="Known"/>.
/// <para>
/// One turn hands one message to one machine. If the turn asks for nothing durable, and nothing of the grain waits for
/// storage, its sends leave at once. Otherwise all its outputs join the batch that is being gathered. While one batch is
/// being committed the next one gathers, so a slow disk makes batches larger and not more frequent; batches are committed
/// one after another, and a batch's sends leave when it is durable. So a send never overtakes a persist of its grain.
/// </para>
/// <para>
/// A message that was handed in is kept until its turn. What a discarded machine had asked for and was not yet durable is
/// gone, as if its messages had been lost on the way; senders repeat them.
/// </para>
/// </summary>
public sealed class EngineCore
{
    private readonly EngineOptions options;
    private readonly IEngineStore store;
    private readonly IWorkerLinks links;
    private readonly ILogger logger;
    private readonly Activated activated;
    private readonly DeadlinePassed deadlinePassed = new();
    private readonly Chaos? chaos;
    private readonly Dictionary<GrainAddress, Slot> slots = [];
    private readonly HashSet<GrainAddress> stored = [];
    private readonly KnownGrains known = new();
    private readonly Queue<Envelope> ready = [];
    private readonly WakeHeap wakes = new();
    private readonly Outputs outputs = new();
    private WaitingOutputs gathering = new(1);
    private WaitingOutputs? committing;
    private bool offered;
    private long durableBatch;
    private int commitFailures;
    private TimeSpan retryCommitAt;
    private TimeSpan now;
    private DateTimeOffset wallTime;
    private int created;
    private long takenMessages;

    /// <summary>An engine that has loaded nothing yet.</summary>
    public EngineCore(EngineOptions options, IEngineStore store, IWorkerLinks links, ILogger<EngineCore> logger)
    {
        this.options = options;
        this.store = store;
        this.links = links;
        this.logger = logger;
        activated = new Activated(options.Silo);
        chaos = options.Chaos is null ? null : new Chaos(options.Chaos);
    }

    /// <summary>Whether a machine threw; no turn runs any more.</summary>
    public bool Broken { get; private set; }

    /// <summary>Whether storage did not answer the last time it was asked to commit.</summary>
    public bool StorageAway => commitFailures > 0;

    /// <summary>Outputs that wait for storage.</summary>
    public int WaitingOutputs => gathering.Count + (committing?.Count ?? 0);

    /// <summary>Whether there are messages that could be handled now.</summary>
    public bool HasWork => !Broken && !Saturated && (ready.Count > 0 || chaos is { Held: > 0 });

    /// <summary>Messages handed in or sent so far, and how many of them had their turn (or wait for their grain to be loaded).</summary>
    public (long Queued, long Taken) Progress => (takenMessages + ready.Count, takenMessages);

    /// <summary>Whether nothing is left to do until a message comes, or time goes beyond <paramref name="time"/>.</summary>
    public bool IsSettled(TimeSpan time) =>
        !HasWork && !offered && !(NextWake <= time) && (Broken || committing is not null || !gathering.NeedsCommit);

    /// <summary>When something is to be done though no message comes; null: never. A commit in progress sets no time.</summary>
    public TimeSpan? NextWake
    {
        get
        {
            if (Broken)
                return null;
            TimeSpan? deadline = Saturated ? null : wakes.First?.WakeAt;
            if (committing is null || offered)
                return deadline;
            return deadline is { } first && first < retryCommitAt ? first : retryCommitAt;
        }
    }

    /// <summary>Whether so much waits for storage that turns stop; messages are kept.</summary>
    public bool Saturated => WaitingOutputs >= options.MaxWaitingOutputs;

    /// <summary>Learns which grains are stored, and wakes the cluster and the jobs among them.</summary>
    public void Start()
    {
        foreach (var address in store.List().OrderBy(address => address.Kind).ThenBy(address => address.Key, StringComparer.Ordinal))
        {
            stored.Add(address);
            known.Add(address);
            if (address.Kind is GrainKind.Cluster or GrainKind.Job or GrainKind.Gang)
                ready.Enqueue(new Envelope(address, null));
        }
    }

    /// <summary>Hands in a message from outside; kept, in order, until its turn.</summary>
    public void Post(GrainAddress to, GrainMessage message) => Post(new Envelope(to, message));

    /// <inheritdoc cref="Post(GrainAddress, GrainMessage)"/>
    internal void Post(Envelope envelope) => ready.Enqueue(envelope);

    /// <summary>All grains of a kind that are stored or have had a turn, sorted by key. Thread-safe.</summary>
    public IReadOnlyList<GrainAddress> Known(GrainKind kind) => known.Of(kind);

    /// <summary>The grain's view, or null for one that does not exist. Asking creates, loads and changes nothing.</summary>
    public string? Describe(TimeSpan time, GrainAddress address)
    {
        if (slots.TryGetValue(address, out var slot) && slot.Machine is { } machine)
            return machine.Describe(time);

        // A stored grain that sleeps is shown by a machine that never gets a turn.
        return stored.Contains(address) ? options.MachineFactory(address, store.Load(address))?.Describe(time) : null;
    }

    /// <summary>Runs at most <paramref name="limit"/> turns: messages first, since a late one may show that a deadline was kept, then deadlines.</summary>
    public void RunTurns(TimeSpan time, DateTimeOffset wall, int limit)
    {
        now = time;
        wallTime = wall;
        var turns = 0;
        while (turns < limit && HasWork)
        {
            if (ready.TryDequeue(out var envelope))
                takenMessages++;
            else
                chaos!.TryRelease(out envelope);
            Deliver(envelope);
            turns++;
        }

        while (turns < limit && !Broken && !Saturated && wakes.First is { } slot && slot.WakeAt <= now)
        {
            if (slot.Machine is null)
                Load(slot);
            else
                Turn(slot, deadlinePassed);
            turns++;
        }
    }

    /// <summary>The batch to be committed now, if there is one and none is being committed; its end must be reported.</summary>
    public CommitBatch? TakeCommit(TimeSpan time)
    {
        if (Broken || offered)
            return null;
        if (committing is null)
        {
            if (!gathering.NeedsCommit)
                return null;
            committing = gathering;
            gathering = new WaitingOutputs(committing.Number + 1);
            retryCommitAt = time;
        }

        if (retryCommitAt > time)
            return null;
        offered = true;
        return committing.ToBatch();
    }

    /// <summary>The batch that was taken is durable, or some of its grains were refused and nothing is durable.</summary>
    public void CommitEnded(TimeSpan time, CommitResult result)
    {
        offered = false;
        if (commitFailures > 0)
            EngineLog.StorageBack(logger, commitFailures);
        commitFailures = 0;
        foreach (var address in result.Refused)
            Discard(time, address);
        if (committing!.NeedsCommit && result.Refused.Count > 0)
        {
            retryCommitAt = time;
            return;
        }

        var done = committing;
        committing = null;
        durableBatch = done.Number;
        Release(done);
        if (gathering.NeedsCommit || gathering.Count == 0)
            return;

        // Only sends gathered meanwhile, and what they waited for is durable now.
        done = gathering;
        durableBatch = done.Number;
        gathering = new WaitingOutputs(done.Number + 1);
        Release(done);
    }

    /// <summary>Storage did not answer. Whether the batch is durable is not known; the same batch is offered again after a delay.</summary>
    public void CommitFailed(TimeSpan time, Exception exception)
    {
        offered = false;
        var delay = RetryDelay(commitFailures++);
        retryCommitAt = time + delay;
        EngineLog.StorageAway(logger, WaitingOutputs, delay.TotalMilliseconds, exception);
    }

    private void Deliver(Envelope envelope)
    {
        if (!slots.TryGetValue(envelope.To, out var slot))
            slots[envelope.To] = slot = new Slot(envelope.To, created++);
        if (slot.Machine is not null)
        {
            if (envelope.Message is not null)
                Turn(slot, envelope.Message, envelope.Ended);
            return;
        }

        if (envelope.Message is not null)
            (slot.Waiting ??= new Queue<Envelope>()).Enqueue(envelope);
        if (slot.LoadFailures == 0)
            Load(slot);
    }

    private void Load(Slot slot)
    {
        string? state = null;
        if (stored.Contains(slot.Address))
        {
            try
            {
                state = store.Load(slot.Address);
            }
            catch (Exception exception)
            {
                // Whatever storage throws means that it is away; the messages wait.
                var delay = RetryDelay(slot.LoadFailures++);
                wakes.Set(slot, now + delay);
                EngineLog.LoadFailed(logger, slot.Address, delay.TotalMilliseconds, exception);
                return;
            }
        }

        slot.LoadFailures = 0;
        if (!TryBuild(slot, state))
            return;
        Turn(slot, activated);
        while (!Broken && slot.Waiting is { Count: > 0 } waiting)
        {
            var next = waiting.Dequeue();
            Turn(slot, next.Message!, next.Ended);
        }

        slot.Waiting = null;
    }

    private bool TryBuild(Slot slot, string? state)
    {
        try
        {
            slot.Machine = options.MachineFactory(slot.Address, state);
        }
        catch (Exception exception)
        {
            // A state that cannot be read is a broken invariant like any other.
            Break(new BrokenInvariant(slot.Address, null, exception));
            return false;
        }

        if (slot.Machine is not null)
        {
            known.Add(slot.Address);
            return true;
        }

        EngineLog.NoSuchGrain(logger, slot.Address);
        foreach (var waiting in slot.Waiting ?? [])
            waiting.Ended?.Tell(false);
        wakes.Set(slot, null);
        slots.Remove(slot.Address);
        return false;
    }

    private void Turn(Slot slot, GrainMessage message, TurnEnd? ended = null)
    {
        outputs.Clear();
        try
        {
            slot.Machine!.Handle(now, message, outputs);
        }
        catch (Exception exception)
        {
            // Nothing of the turn leaves, and no other turn runs.
            Break(new BrokenInvariant(slot.Address, message.GetType().Name, exception));
            return;
        }

        if (ended is not null)
            outputs.Add(ended);
        var items = outputs.Items;
        var waits = slot.LastBatch > durableBatch;
        for (var i = 0; i < items.Count && !waits; i++)
            waits = Engine.WaitingOutputs.IsDurable(items[i]);
        for (var i = 0; i < items.Count; i++)
        {
            if (waits)
                gathering.Add(slot, items[i], wallTime);
            else
                Send(items[i]);
        }

        wakes.Set(slot, slot.Machine.NextDeadline);
    }

    private void Release(WaitingOutputs done)
    {
        foreach (var output in done.Outputs)
            Send(output);
    }

    private void Send(Output output)
    {
        switch (output)
        {
            case SendToGrain send when chaos is null:
                ready.Enqueue(new Envelope(send.To, send.Message));
                break;
            case SendToGrain send:
                chaos.Route(new Envelope(send.To, send.Message), ready);
                break;
            case SendToWorker send:
                links.Send(send.Node, send.Message);
                break;
            case TurnEnd ended:
                ended.Tell(true);
                break;

                // The other outputs are durable by now, and nobody waits for them.
        }
    }

    private void Discard(TimeSpan time, GrainAddress address)
    {
        EngineLog.Discarded(logger, address);
        var slot = slots[address];
        slot.Machine = null;
        slot.LastBatch = 0;
        stored.Add(address);
        committing!.Remove(slot);
        gathering.Remove(slot);

        // It comes back with its next message, or by itself, since its deadline is forgotten with it.
        wakes.Set(slot, time + options.RetryDelay);
    }

    private void Break(BrokenInvariant broken)
    {
        Broken = true;
        EngineLog.Broken(logger, broken.Grain, broken.Message ?? "its stored state", broken.Exception);
        if (options.OnBrokenInvariant is { } report)
            report(broken);
        else
            Environment.FailFast($"{broken.Grain} broke an invariant while handling {broken.Message}", broken.Exception);
    }

    private TimeSpan RetryDelay(int failures)
    {
        var delay = options.RetryDelay * (1 << Math.Min(failures, 20));
        return delay < options.MaxRetryDelay ? delay : options.MaxRetryDelay;
    }
}
