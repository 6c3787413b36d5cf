namespace Coordinator.Simulator.World;

/// <summary>
/// Virtual time and the one event queue, ordered by (time, sequence). Everything runs on the caller's thread; a run is a pure
/// function of its seed.
/// </summary>
internal sealed class VirtualWorld
{
    private readonly PriorityQueue<Action, Key> queue = new(new KeyOrder());
    private long sequence;

    private static readonly DateTimeOffset Begin = new(2026, 12, 1, 0, 0, 0, TimeSpan.Zero);

    public VirtualWorld(ulong seed, SimulationOptions options)
    {
        Seed = seed;
        Options = options;
        Trace = new Trace(options.TraceKept, options.Trace);
        Network = Prng.Derive(seed, "network");
        Disk = Prng.Derive(seed, "disk");
        Faults = Prng.Derive(seed, "faults");
        Workload = Prng.Derive(seed, "workload");
    }

    public ulong Seed { get; }
    public SimulationOptions Options { get; }
    public TimeSpan Now { get; private set; }

    /// <summary>The time of day, which every process knows alike; each world begins at the same.</summary>
    public DateTimeOffset TimeOfDay => Begin + Now;
    public Trace Trace { get; }
    public Prng Network { get; }
    public Prng Disk { get; }
    public Prng Faults { get; }
    public Prng Workload { get; }

    /// <summary>Events run so far.</summary>
    public long Events { get; private set; }

    /// <summary>Called after each event, when nothing is half done: where faults look for their cue.</summary>
    public Action? AfterEvent { get; set; }

    /// <summary>Things on their way that need nothing but time: messages between grains, and writes that the disk has.</summary>
    public int UnderWay { get; private set; }

    /// <summary>Like <see cref="Schedule"/>, for what counts as under way until it is run.</summary>
    public void ScheduleWork(TimeSpan delay, Action action)
    {
        UnderWay++;
        Schedule(delay, () =>
        {
            UnderWay--;
            action();
        });
    }

    /// <summary>Runs <paramref name="action"/> after <paramref name="delay"/>, which may be zero: after what is due now already.</summary>
    public void Schedule(TimeSpan delay, Action action) =>
        queue.Enqueue(action, new Key(Now.Ticks + Math.Max(0, delay.Ticks), sequence++));

    /// <summary>Runs the next event; false where none is left or the next is later than <paramref name="until"/>.</summary>
    public bool Step(TimeSpan until)
    {
        if (!queue.TryPeek(out _, out var key) || key.Ticks > until.Ticks)
            return false;
        var action = queue.Dequeue();
        Now = TimeSpan.FromTicks(key.Ticks);
        Events++;
        action();
        AfterEvent?.Invoke();
        return true;
    }

    /// <summary>Adds to the trace.</summary>
    public void Note(string who, string what, long a = 0, long b = 0, object? detail = null) => Trace.Add(Now, who, what, a, b, detail);

    private readonly record struct Key(long Ticks, long Sequence);

    private sealed class KeyOrder : IComparer<Key>
    {
        public int Compare(Key x, Key y) => x.Ticks != y.Ticks ? x.Ticks.CompareTo(y.Ticks) : x.Sequence.CompareTo(y.Sequence);
    }
}
