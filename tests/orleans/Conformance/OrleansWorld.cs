using System.Collections.Concurrent;
using Coordinator.Conformance;
using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>What outlives the silos under test: storage, time, what was told, and the disturbance.</summary>
internal sealed class OrleansWorld
{
    private readonly object gate = new();
    private readonly List<Told> told = [];
    private readonly List<Action> late = [];
    private readonly ConcurrentDictionary<GrainAddress, byte> known = new();
    private readonly ConcurrentDictionary<GrainAddress, int> blocked = new();
    private readonly Dictionary<GrainAddress, long> observed = [];
    private TaskCompletionSource storageChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Random disturbance = new(0);
    private double probability;
    private long activity;

    public OrleansWorld(TranscriptStorage storage)
    {
        Storage = storage;
        storage.Changed += () =>
        {
            Active();
            Interlocked.Exchange(ref storageChanged, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        };
    }

    public TranscriptStorage Storage { get; }

    public ManualTimeProvider Time { get; } = new();

    public ConformanceServices? Services { get; set; }

    /// <summary>Silo processes so far.</summary>
    public int Lives { get; set; }

    /// <summary>Negative control: sends do not wait for storage.</summary>
    public bool AcknowledgesEarly { get; init; }

    /// <summary>Counts everything that happens, so that rest can be told.</summary>
    public long Activity => Interlocked.Read(ref activity);

    public IReadOnlyList<Told> Told
    {
        get
        {
            lock (gate)
                return [.. told];
        }
    }

    public IEnumerable<GrainAddress> Known => known.Keys;

    public void Active() => Interlocked.Increment(ref activity);

    public void Know(GrainAddress grain) => known.TryAdd(grain, 0);

    /// <summary>Volatile knowledge goes with the process.</summary>
    public void Forget()
    {
        known.Clear();
        lock (gate)
            late.Clear();
    }

    public bool IsBlocked(GrainAddress grain) => blocked.GetValueOrDefault(grain) > 0;

    public void Tell(Told message)
    {
        lock (gate)
            told.Add(message);
        Active();
    }

    /// <summary>The fence of the store of events: an older incarnation stores none.</summary>
    public bool Observe(GrainAddress grain, long incarnation)
    {
        lock (gate)
        {
            if (observed.GetValueOrDefault(grain) > incarnation && !Storage.RefusesNobody)
                return false;
            observed[grain] = incarnation;
            return true;
        }
    }

    public void Disturb(ulong seed, double rate)
    {
        Action[] released;
        lock (gate)
        {
            (disturbance, probability) = (new Random((int)seed), rate);
            released = [.. late];
            late.Clear();
        }

        foreach (var deliver in released)
            deliver();
    }

    /// <summary>Delivers never, once or twice, now or when some later message goes.</summary>
    public void Carry(Action deliver)
    {
        Active();
        List<Action> now = [];
        lock (gate)
        {
            if (probability == 0)
            {
                now.Add(deliver);
            }
            else
            {
                if (late.Count > 0 && disturbance.NextDouble() < 0.3)
                {
                    var index = disturbance.Next(late.Count);
                    now.Add(late[index]);
                    late.RemoveAt(index);
                }

                if (disturbance.NextDouble() >= probability)
                    (disturbance.NextDouble() < probability ? late : now).Add(deliver);
                if (disturbance.NextDouble() < probability)
                    now.Add(deliver);
            }
        }

        foreach (var each in now)
            each();
    }

    /// <summary>Waits while storage lets a write wait.</summary>
    /// <returns>False where it is refused.</returns>
    public async Task<bool> MayWriteAsync(GrainAddress grain, PersistState? state, CancellationToken dead = default)
    {
        Active();
        while (true)
        {
            var change = Volatile.Read(ref storageChanged).Task;
            switch (Storage.FateOf(grain, state))
            {
                case Fate.Done:
                    return true;
                case Fate.Refused:
                    return false;
                case Fate.AcknowledgementLost:
                    Storage.Write(grain, state!);
                    throw new TimeoutException("the acknowledgement is lost");
                case Fate.Held or Fate.Away when AcknowledgesEarly:
                    return true;
                default:
                    blocked.AddOrUpdate(grain, 1, (_, count) => count + 1);
                    Active();
                    try
                    {
                        await change.WaitAsync(dead);
                    }
                    finally
                    {
                        blocked.AddOrUpdate(grain, 0, (_, count) => count - 1);
                        Active();
                    }

                    break;
            }
        }
    }
}
