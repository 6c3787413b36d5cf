using Coordinator.Machines;

namespace Coordinator.Simulator;

/// <summary>What a grain has in storage.</summary>
internal sealed record StoredGrain(string StateJson, long Incarnation, long Sequence);

/// <summary>
/// The silo's storage: grains, events and steps, each write atomic. A write takes effect some time after it was asked for and is
/// acknowledged some time after that; a crash may come before, between or after.
/// </summary>
internal sealed class SimulatedDisk(VirtualWorld world, Scenario scenario, Checkers checkers)
{
    private readonly SortedDictionary<string, StoredGrain> grains = new(StringComparer.Ordinal);
    private readonly List<Action> waiting = [];
    private readonly SortedDictionary<string, StoredGrain?> unsynced = new(StringComparer.Ordinal);

    /// <summary>Whether storage cannot be reached; writes wait.</summary>
    public bool Away { get; private set; }

    /// <summary>Whether writes may fail; off once the world is healed.</summary>
    public bool MayFail { get; set; } = true;

    /// <summary>Told of every write that took effect, in order; for who plays the rest of the world itself.</summary>
    public Action<GrainAddress, Output>? Tap { get; set; }

    /// <summary>Decides what becomes of a write, where somebody else than chance does; null: chance.</summary>
    public Func<GrainAddress, IReadOnlyList<Output>, WriteFate>? Fate { get; set; }

    /// <summary>SHA-256 of the final model once it is durable.</summary>
    public string? Model { get; private set; }

    /// <summary>Steps in storage.</summary>
    public StepStore Steps { get; } = new(world, checkers);

    public StoredGrain? Load(GrainAddress grain) => grains.GetValueOrDefault(grain.ToString());

    /// <summary>Keys of the stored jobs, which are woken when a silo starts.</summary>
    public IEnumerable<string> StoredJobs() => grains.Keys.Where(key => key.StartsWith("Job:", StringComparison.Ordinal)).Select(key => key[4..]).ToArray();

    /// <summary>
    /// Writes a group of outputs as one transaction, and tells the process whether they are durable. False may mean either.
    /// </summary>
    public void Write(SimulatedProcess by, GrainAddress grain, IReadOnlyList<Output> outputs, Action<bool> done)
    {
        var life = by.Life;
        var activation = checkers.Storage.ActivationOf(grain);
        world.Schedule(Latency(), () => Begin(by, life, activation, grain, outputs, done));
    }

    public void WriteModel(SimulatedProcess by, string sha256, Action done)
    {
        var life = by.Life;
        world.Schedule(Latency(), () =>
        {
            if (!by.Alive || by.Life != life || Away)
                return;
            Model = sha256;
            checkers.Final.OnModel(sha256);
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
            world.Schedule(Latency(), write);
        waiting.Clear();
    }

    /// <summary>The silo's process died. What a careless host took for durable goes with it.</summary>
    public void OnCrash()
    {
        foreach (var (key, before) in unsynced)
        {
            if (before is null)
                grains.Remove(key);
            else
                grains[key] = before;
        }

        unsynced.Clear();
    }

    /// <summary>Puts a state there that another writer wrote.</summary>
    public void Put(GrainAddress grain, StoredGrain state) => grains[grain.ToString()] = state;

    private WriteFate Draw()
    {
        var fails = MayFail && world.Disk.Chance(scenario.WriteFailure);
        return !fails ? WriteFate.Done : world.Disk.Chance(0.5) ? WriteFate.AcknowledgementLost : WriteFate.Refused;
    }

    private TimeSpan Latency() => world.Disk.Between(TimeSpan.FromMilliseconds(0.1), scenario.MaxDiskLatency);

    private void Begin(SimulatedProcess by, int life, int activation, GrainAddress grain, IReadOnlyList<Output> outputs, Action<bool> done)
    {
        // The crash came before the write reached the disk.
        if (!by.Alive || by.Life != life)
            return;
        if (Away)
        {
            waiting.Add(() => Begin(by, life, activation, grain, outputs, done));
            return;
        }

        var fate = Fate?.Invoke(grain, outputs) ?? Draw();
        if (fate == WriteFate.Held)
        {
            waiting.Add(() => Begin(by, life, activation, grain, outputs, done));
            return;
        }

        var fails = fate != WriteFate.Done;
        var written = fate != WriteFate.Refused;
        if (written)
        {
            foreach (var output in outputs)
                Store(grain, activation, output);
        }

        world.Note("disk", written ? fails ? "writes, acknowledgement lost" : "writes" : "fails to write", outputs.Count, 0, grain);
        world.Schedule(Latency() / 4, () => by.Arrive(life, false, () => done(!fails)));
    }

    private void Store(GrainAddress grain, int activation, Output output)
    {
        Tap?.Invoke(grain, output);
        switch (output)
        {
            case PersistState persist:
                var key = grain.ToString();
                if (world.Options.Plant == PlantedBug.UnsyncedPersist && world.Disk.Chance(0.9))
                    unsynced.TryAdd(key, grains.GetValueOrDefault(key));
                else
                    unsynced.Remove(key);
                checkers.Storage.OnStored(grain, activation, persist);
                grains[key] = new StoredGrain(persist.StateJson, persist.Incarnation, persist.Sequence);
                break;
            case ObserveEvent observed:
                checkers.Final.OnEvent(observed.Event);
                break;
            case ObserveSteps steps:
                Steps.Store(steps);
                break;
        }
    }
}
