using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>What storage is to do with a write.</summary>
public enum Fate
{
    /// <summary>Take it and say so.</summary>
    Done,

    /// <summary>Let it wait.</summary>
    Held,

    /// <summary>Not answer, as a storage does that is away.</summary>
    Away,

    /// <summary>Take it and not say so.</summary>
    AcknowledgementLost,

    /// <summary>Another writer's is there.</summary>
    Refused,
}

/// <summary>A state as stored, with who wrote it.</summary>
public sealed record StoredState(string Json, long Incarnation, long Sequence);

/// <summary>
/// The storage that a transcript controls: it holds what was durable, and decides what becomes of the next write. An engine's adapter
/// asks <see cref="FateOf"/> before each write and calls <see cref="Write"/> where it takes effect. Thread-safe.
/// </summary>
public sealed class TranscriptStorage
{
    private readonly object gate = new();
    private readonly Dictionary<GrainAddress, StoredState> states = [];
    private readonly List<CoordinatorEvent> events = [];
    private readonly List<ObserveSteps> steps = [];
    private readonly HashSet<GrainAddress> held = [];
    private readonly HashSet<GrainAddress> refuse = [];
    private bool away;
    private int acknowledgementsToLose;

    /// <summary>Raised whenever a fault begins or ends: what waited may go on.</summary>
    public event Action? Changed;

    /// <summary>Whether a fence is taken away: nobody is refused. Negative controls do that.</summary>
    public bool RefusesNobody { get; set; }

    /// <summary>Events that are durable.</summary>
    public IReadOnlyList<CoordinatorEvent> Events
    {
        get
        {
            lock (gate)
                return [.. events];
        }
    }

    /// <summary>Steps that are durable, each as often as it was recorded anew.</summary>
    public IReadOnlyList<StepRecord> Steps
    {
        get
        {
            lock (gate)
                return [.. steps.SelectMany(observed => observed.Steps.Select(step => (observed.Timeline, Step: step))).DistinctBy(row => (row.Timeline, row.Step.Step)).Select(row => row.Step)];
        }
    }

    /// <summary>All grains with a state.</summary>
    public IReadOnlyList<GrainAddress> List()
    {
        lock (gate)
            return [.. states.Keys];
    }

    /// <summary>A grain's state.</summary>
    public StoredState? Find(GrainAddress grain)
    {
        lock (gate)
            return states.GetValueOrDefault(grain);
    }

    /// <summary>What is to become of a write of this grain now.</summary>
    public Fate FateOf(GrainAddress grain, PersistState? state)
    {
        lock (gate)
        {
            if (away)
                return Fate.Away;
            if (held.Contains(grain))
                return Fate.Held;
            if (state is not null && refuse.Remove(grain))
            {
                // Somebody else has loaded the grain and written.
                var mine = states.GetValueOrDefault(grain);
                states[grain] = new StoredState(Raise(mine?.Json ?? state.StateJson, (mine?.Incarnation ?? 0) + 10), (mine?.Incarnation ?? 0) + 10, 1);
            }

            if (state is not null && !RefusesNobody && states.TryGetValue(grain, out var stored)
                && (stored.Incarnation, stored.Sequence).CompareTo((state.Incarnation, state.Sequence)) >= 0
                && stored != new StoredState(state.StateJson, state.Incarnation, state.Sequence))
                return Fate.Refused;
            if (state is not null && acknowledgementsToLose > 0)
            {
                acknowledgementsToLose--;
                return Fate.AcknowledgementLost;
            }

            return Fate.Done;
        }
    }

    /// <summary>A write takes effect.</summary>
    public void Write(GrainAddress grain, Output output)
    {
        lock (gate)
        {
            switch (output)
            {
                case PersistState state:
                    states[grain] = new StoredState(state.StateJson, state.Incarnation, state.Sequence);
                    break;
                case ObserveEvent observed:
                    events.Add(observed.Event);
                    break;
                case ObserveSteps observed:
                    steps.Add(observed);
                    break;
            }
        }
    }

    /// <summary>Lets a grain's writes wait.</summary>
    public void Hold(GrainAddress grain) => Change(() => held.Add(grain));

    /// <summary>Lets what waits go on.</summary>
    public void Release() => Change(held.Clear);

    /// <summary>Does not answer, or answers again.</summary>
    public void GoAway(bool gone) => Change(() => away = gone);

    /// <summary>Takes the next write of a state and does not say so.</summary>
    public void LoseAcknowledgement() => Change(() => acknowledgementsToLose++);

    /// <summary>Another activation writes before this grain's next write.</summary>
    public void RefuseNext(GrainAddress grain) => Change(() => refuse.Add(grain));

    private static string Raise(string json, long incarnation)
    {
        var state = System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject();
        state["incarnation"] = incarnation;
        return state.ToJsonString();
    }

    private void Change(Action change)
    {
        lock (gate)
            change();
        Changed?.Invoke();
    }
}
