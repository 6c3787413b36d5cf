using System.Globalization;
using Coordinator.Conformance;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// What outlives the silos: states with ETags, events and steps, as the shipping stores keep them, with a transcript's troubles. Held and
/// away are one here: a write does not end. Thread-safe.
/// </summary>
internal sealed class OrleansDisk(OrleansWorld world) : IConformanceDisk
{
    private readonly OrleansFences fences = world.Fences;
    private readonly Lock gate = new();
    private readonly Dictionary<GrainAddress, (StoredMachine State, long Version)> states = [];
    private readonly Dictionary<GrainAddress, int> blocked = [];
    private readonly Dictionary<GrainAddress, long> observers = [];
    private readonly List<CoordinatorEvent> events = [];
    private readonly List<(JobId Job, int Timeline, StepRecord Step)> steps = [];
    private readonly List<Action> early = [];
    private TaskCompletionSource? held;
    private WriteFault? next;
    private long versions;

    public bool StoresInOrder => false;

    public bool IsBusy => false;

    public IReadOnlyList<GrainAddress> Grains => Read(() => states.Keys.ToArray());

    /// <summary>Whether a turn of the grain waits for storage.</summary>
    public bool IsBlocked(GrainAddress grain) => Read(() => blocked.GetValueOrDefault(grain) > 0);

    public (StoredMachine? State, string? ETag) Find(GrainAddress grain) => Read<(StoredMachine?, string?)>(() =>
        states.TryGetValue(grain, out var found) ? (Copy(found.State), TagOf(found.Version)) : (null, null));

    public PersistState? Read(GrainAddress grain) =>
        Find(grain).State is { Json: { } json } stored ? new PersistState(json, stored.Incarnation, stored.Sequence) : null;

    public Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync() =>
        Task.FromResult<IReadOnlyList<CoordinatorEvent>>(Read(() => events.ToArray()));

    public Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job) =>
        Task.FromResult<IReadOnlyList<StepRecord>>(Read(() => steps.Where(row => row.Job == job).Select(row => row.Step).ToArray()));

    public IGrainStorage StorageUntil(CancellationToken dead) => new OrleansStorage(world, this, dead);

    public void FailNext(WriteFault fault)
    {
        lock (gate)
            next = fault;
    }

    public void SetMode(StorageMode mode)
    {
        TaskCompletionSource? released = null;
        lock (gate)
        {
            if (mode != StorageMode.Well)
            {
                held ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            else
            {
                // From this moment on nobody waits any more, also who has not been scheduled yet: rest is not before they have gone on.
                blocked.Clear();
                (released, held) = (held, null);
                early.ForEach(write => write());
                early.Clear();
            }
        }

        world.Active();
        released?.TrySetResult();
    }

    public void Start()
    {
    }

    /// <summary>What the process took for durable before it was is gone.</summary>
    public void Kill()
    {
        lock (gate)
        {
            early.Clear();
            blocked.Clear();
        }
    }

    /// <summary>Another activation, which has stored its state and that it was activated.</summary>
    public void WriteAsAnother(GrainAddress grain, PersistState state)
    {
        lock (gate)
        {
            Put(grain, new StoredMachine
            {
                Json = state.StateJson,
                Incarnation = state.Incarnation,
                Sequence = state.Sequence,
                Writer = "another",
            });
            observers[grain] = state.Incarnation;
        }
    }

    /// <returns>The new ETag.</returns>
    /// <exception cref="InconsistentStateException">The ETag is not the stored one.</exception>
    /// <exception cref="IOException">The write was not acknowledged.</exception>
    public async Task<string> WriteAsync(GrainAddress grain, StoredMachine state, string? tag, CancellationToken dead)
    {
        var mine = Copy(state);
        await WaitAsync(grain, dead);
        lock (gate)
        {
            dead.ThrowIfCancellationRequested();
            world.Active();
            if (held is not null)
            {
                early.Add(() => Put(grain, mine));
                return tag ?? "";
            }

            var fault = next;
            next = null;
            if (fault == WriteFault.Fails)
                throw new IOException("the write failed");
            var stored = states.TryGetValue(grain, out var found) ? TagOf(found.Version) : null;
            if (stored != tag && !fences.HasFlag(OrleansFences.RefusesNobody))
                throw new InconsistentStateException($"{grain} was written by another", stored, tag);
            if (fault == WriteFault.AcknowledgementLost && fences.HasFlag(OrleansFences.ForgetsWriters))
                mine.Writer = "somebody";
            Put(grain, mine);
            return fault is null ? TagOf(states[grain].Version) : throw new IOException("the acknowledgement was lost");
        }
    }

    /// <returns>False where a higher incarnation has stored something.</returns>
    public async Task<bool> ObserveAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations, CancellationToken dead)
    {
        await WaitAsync(grain, dead);
        lock (gate)
        {
            dead.ThrowIfCancellationRequested();
            world.Active();
            if (observers.GetValueOrDefault(grain) > incarnation && !fences.HasFlag(OrleansFences.RefusesNobody))
                return false;
            observers[grain] = incarnation;
            if (held is not null)
                early.Add(() => Store(observations));
            else
                Store(observations);
            return true;
        }
    }

    public void Dispose()
    {
    }

    private static string TagOf(long version) => version.ToString(CultureInfo.InvariantCulture);

    private static StoredMachine Copy(StoredMachine state) =>
        new() { Json = state.Json, Incarnation = state.Incarnation, Sequence = state.Sequence, Writer = state.Writer };

    private T Read<T>(Func<T> read)
    {
        lock (gate)
            return read();
    }

    private void Put(GrainAddress grain, StoredMachine state) => states[grain] = (state, ++versions);

    private void Store(IReadOnlyList<Output> observations)
    {
        if (fences.HasFlag(OrleansFences.StoresNoObservations))
            return;
        events.AddRange(observations.OfType<ObserveEvent>().Select(observed => observed.Event));
        foreach (var observed in observations.OfType<ObserveSteps>())
        {
            foreach (var step in observed.Steps)
            {
                if (fences.HasFlag(OrleansFences.StoresStepsAgain)
                    || !steps.Exists(row => row.Job == observed.Job && row.Timeline == observed.Timeline && row.Step.Step == step.Step))
                {
                    steps.Add((observed.Job, observed.Timeline, step));
                }
            }
        }
    }

    private async Task WaitAsync(GrainAddress grain, CancellationToken dead)
    {
        while (!fences.HasFlag(OrleansFences.AcknowledgesEarly) && Read(() => held) is { } waiting)
        {
            lock (gate)
                blocked[grain] = blocked.GetValueOrDefault(grain) + 1;
            world.Active();
            try
            {
                await waiting.Task.WaitAsync(dead);
            }
            finally
            {
                // Its process may be dead by now, and forgotten.
                lock (gate)
                    blocked[grain] = Math.Max(0, blocked.GetValueOrDefault(grain) - 1);
                world.Active();
            }
        }
    }
}
