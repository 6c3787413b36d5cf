using Coordinator.Machines;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Silo;

/// <summary>What a grain has in storage.</summary>
internal sealed record StoredGrain(string StateJson, long Incarnation, long Sequence);

/// <summary>How a write ended.</summary>
internal enum WriteOutcome
{
    /// <summary>It is durable.</summary>
    Durable,

    /// <summary>Another writer's state is there, or the host is to take it so: the activation ends.</summary>
    Refused,

    /// <summary>The disk did not answer; the write may be durable or not. The host asks again.</summary>
    Unknown,
}

/// <summary>How the next write is to end, for tests that say so one by one.</summary>
internal enum NextWrite
{
    /// <summary>As the scenario has it.</summary>
    Ordinary,

    /// <summary>Not made, and not answered.</summary>
    Lost,

    /// <summary>Made, and not answered.</summary>
    Unacknowledged,
}

/// <summary>
/// The silo's storage: grains, events and steps, each write atomic. A write reaches the journal some time after it was asked for, is
/// synced some time after that, which makes it durable, and then acknowledged; a crash may come before, between or after.
/// </summary>
internal sealed class SimulatedDisk(VirtualWorld world, Scenario scenario, Checkers checkers)
{
    /// <summary>When a host that does not wait for the sync gets it: some time, by the system's own writing back.</summary>
    private static readonly TimeSpan CarelessSync = TimeSpan.FromMilliseconds(200);

    private readonly SortedDictionary<string, StoredGrain> grains = new(StringComparer.Ordinal);
    private readonly List<Action> waiting = [];
    private readonly SortedDictionary<string, (int Life, int Activation, long Transaction)> committed = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (int Life, int Activation)> writers = new(StringComparer.Ordinal);
    private readonly Journal journal = new(world);
    private readonly List<Action> whenUnsynced = [];
    private int coming;

    /// <summary>Whether a write was asked for that has not reached the journal.</summary>
    public bool IsWriteComing => coming > 0 && !Away;

    /// <summary>Whether a write is in the journal that no sync has made durable yet.</summary>
    public bool HasUnsynced => journal.HasUnsynced;

    /// <summary>Whether storage cannot be reached; writes wait.</summary>
    public bool Away { get; private set; }

    /// <summary>How the next write is to end.</summary>
    public NextWrite Next { get; set; }

    /// <summary>Hears once that a write has ended as <see cref="Next"/> said.</summary>
    public Action? NextTaken { get; set; }

    /// <summary>Hears of every event that becomes durable.</summary>
    public Action<CoordinatorEvent>? OnEvent { get; init; }

    /// <summary>Whether writes may fail; off once the world is healed.</summary>
    public bool MayFail { get; set; } = true;

    private readonly SortedSet<long> models = [];

    /// <summary>Whether the model of a step is durable.</summary>
    public bool HasModel(long step) => models.Contains(step);

    /// <summary>Steps in storage.</summary>
    public StepStore Steps { get; } = new(world, checkers);

    /// <summary>What a reader sees: the system's cache, where something is in it, and else the medium.</summary>
    public StoredGrain? Load(GrainAddress grain) => journal.Newest(grain) ?? grains.GetValueOrDefault(grain.ToString());

    /// <summary>Keys of the stored jobs, which are woken when a silo starts.</summary>
    public IEnumerable<string> StoredJobs() =>
        grains.Keys.Where(key => key.StartsWith("Job:", StringComparison.Ordinal)).Select(key => key[4..]).ToArray();

    /// <summary>
    /// Writes a group of outputs as one transaction, and tells the process how it ended. An activation counts its transactions; one that
    /// is durable already is acknowledged again, not made again. A state is refused where the stored one is neither lower nor the same, and
    /// so is what an activation observed after another one has written.
    /// </summary>
    public void Write(SimulatedProcess by, GrainAddress grain, long transaction, IReadOnlyList<Output> outputs, Action<WriteOutcome> done)
    {
        var id = (by.Life, checkers.Storage.ActivationOf(grain), transaction);
        coming++;
        world.ScheduleWork(Latency(), () =>
        {
            coming--;
            Begin(by, id, grain, outputs, done);
        });
    }

    /// <summary>Another writer's state, past the silo.</summary>
    public void WriteAsAnother(GrainAddress grain, StoredGrain state)
    {
        grains[grain.ToString()] = state;
        writers.Remove(grain.ToString());
    }

    public void WriteModel(SimulatedProcess by, long step, string sha256, Action done)
    {
        var life = by.Life;
        world.Schedule(Latency(), () =>
        {
            if (!by.Alive || by.Life != life || Away)
                return;
            models.Add(step);
            checkers.Final.OnModel(step, sha256);
            by.Arrive(life, false, done);
        });
    }

    public void GoAway()
    {
        Away = true;
        world.Note("disk", "goes away");
    }

    public void ComeBack()
    {
        Away = false;
        world.Note("disk", "comes back", waiting.Count);
        foreach (var write in waiting)
            world.ScheduleWork(Latency(), write);
        waiting.Clear();
    }

    /// <summary>Calls back as soon as a write is in the journal and not yet synced: at once where one is.</summary>
    public void WhenUnsynced(Action strike) => whenUnsynced.Add(strike);

    /// <summary>
    /// The silo's process died, and with it, unless <paramref name="tail"/> is kept, its machine. The journal is read again.
    /// </summary>
    public void OnCrash(UnsyncedTail tail)
    {
        var (found, gone) = journal.Recover(tail);
        foreach (var record in found)
            MakeDurable(record);
        foreach (var record in gone)
        {
            world.Note("disk", "lost", (long)tail, 0, record.Grain);
            if (record.Acknowledged)
            {
                checkers.Fail(
                    Invariants.AcknowledgedIsDurable,
                    $"a write of {record.Grain} was acknowledged before it was durable, and the crash took it");
            }
        }
    }

    private TimeSpan Latency() => world.Disk.Between(TimeSpan.FromMilliseconds(0.1), scenario.MaxDiskLatency);

    private void Begin(
        SimulatedProcess by,
        (int Life, int Activation, long Transaction) id,
        GrainAddress grain,
        IReadOnlyList<Output> outputs,
        Action<WriteOutcome> done)
    {
        // The crash came before the write reached the disk.
        if (!by.Alive || by.Life != id.Life)
            return;
        if (Away)
        {
            waiting.Add(() => Begin(by, id, grain, outputs, done));
            return;
        }

        var key = grain.ToString();
        var known = committed.TryGetValue(key, out var last) && last == id;
        var mistaken = known && world.Options.Plant == PlantedBug.OwnWriteTakenForConflict;
        known &= !mistaken;
        var writer = (id.Life, id.Activation);
        var refused = mistaken || (!known && world.Options.Plant != PlantedBug.WriteOverAnother && Conflicts(key, writer, outputs));
        if (refused && committed.TryGetValue(key, out last) && last == id)
        {
            checkers.Fail(
                Invariants.OwnWriteIsNoConflict,
                $"a write of {grain}, asked for again since its acknowledgement was lost, is refused for being there already");
        }
        var fails = MayFail && world.Disk.Chance(scenario.WriteFailure);
        var next = Next;
        Next = NextWrite.Ordinary;
        if (next != NextWrite.Ordinary)
        {
            NextTaken?.Invoke();
            NextTaken = null;
        }

        var outcome = refused || fails ? WriteOutcome.Refused : next == NextWrite.Ordinary ? WriteOutcome.Durable : WriteOutcome.Unknown;
        var written = !refused && next != NextWrite.Lost && (!fails || world.Disk.Chance(0.5));
        if (!written || known)
        {
            world.Note("disk", written ? "has it already" : "fails to write", outputs.Count, 0, grain);
            Acknowledge(by, id, outcome, done);
            return;
        }

        var record = new JournalRecord(grain, id, outputs);
        journal.Append(record);
        world.Note("disk", outcome != WriteOutcome.Durable ? "writes, acknowledgement lost" : "writes", outputs.Count, 0, grain);
        if (world.Options.Plant == PlantedBug.UnsyncedPersist)
        {
            record.Acknowledged = outcome == WriteOutcome.Durable;
            Acknowledge(by, id, outcome, done);
        }

        Action<TimeSpan, Action> schedule = world.Options.Plant == PlantedBug.UnsyncedPersist ? world.Schedule : world.ScheduleWork;
        schedule(world.Options.Plant == PlantedBug.UnsyncedPersist ? CarelessSync : Latency() / 4, () =>
        {
            // A crash in between has decided already what becomes of it.
            if (!by.Alive || by.Life != id.Life)
                return;
            foreach (var durable in journal.Sync(record))
                MakeDurable(durable);
            if (world.Options.Plant != PlantedBug.UnsyncedPersist)
                Acknowledge(by, id, outcome, done);
        });
        foreach (var strike in whenUnsynced.ToArray())
            strike();
        whenUnsynced.Clear();
    }

    private void Acknowledge(
        SimulatedProcess by, (int Life, int Activation, long Transaction) id, WriteOutcome outcome, Action<WriteOutcome> done) =>
        world.ScheduleWork(Latency() / 4, () => by.Arrive(id.Life, false, () => done(outcome)));

    private void MakeDurable(JournalRecord record)
    {
        var key = record.Grain.ToString();
        committed[key] = record.Id;
        if (record.Outputs.Any(output => output is PersistState))
            writers[key] = (record.Id.Life, record.Id.Activation);
        foreach (var output in record.Outputs)
            Store(record.Grain, record.Id.Activation, output);
    }

    private bool Conflicts(string key, (int Life, int Activation) writer, IReadOnlyList<Output> outputs)
    {
        if (!grains.TryGetValue(key, out var stored))
            return false;
        var persists = outputs.OfType<PersistState>().ToArray();
        return persists.Length == 0
            ? !writers.TryGetValue(key, out var last) || last != writer
            : persists.Any(persist => (stored.Incarnation, stored.Sequence).CompareTo((persist.Incarnation, persist.Sequence)) >= 0);
    }

    private void Store(GrainAddress grain, int activation, Output output)
    {
        switch (output)
        {
            case PersistState persist:
                checkers.Storage.OnStored(grain, activation, persist);
                checkers.Drains.OnStored(grain, persist.StateJson);
                if (grain.Kind == GrainKind.Job)
                    checkers.Final.OnStored(persist.StateJson);
                grains[grain.ToString()] = new StoredGrain(persist.StateJson, persist.Incarnation, persist.Sequence);
                break;
            case ObserveEvent observed:
                checkers.Final.OnEvent(observed.Event);
                checkers.Ledger?.OnEvent(observed.Event);
                OnEvent?.Invoke(observed.Event);
                break;
            case ObserveSteps steps:
                Steps.Store(steps);
                break;
        }
    }
}
