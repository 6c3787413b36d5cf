namespace Coordinator.Simulator;

/// <summary>
/// An operating-system process: alive or not, and frozen or not. What is due to a dead process, or to an earlier life of it, is
/// dropped; what is due to a frozen one waits until it thaws, timers as well as messages.
/// </summary>
internal abstract class SimulatedProcess(VirtualWorld world, string name)
{
    private readonly List<(int Life, bool Timer, Action Action)> held = [];
    private TimeSpan clockStart;

    public VirtualWorld World { get; } = world;
    public string Name { get; } = name;
    public bool Alive { get; private set; }
    public bool Frozen { get; private set; }

    /// <summary>Counts the starts.</summary>
    public int Life { get; private set; }

    /// <summary>Monotonic time of this life; starts anywhere, so that no code compares clocks of two processes.</summary>
    public TimeSpan Clock => World.Now - clockStart;

    /// <summary>A new life.</summary>
    protected void Begin()
    {
        if (Alive)
            throw new InvalidOperationException($"{Name} is already running");
        Alive = true;
        Frozen = false;
        Life++;
        clockStart = World.Now - World.Workload.Between(TimeSpan.Zero, TimeSpan.FromHours(5));
        World.Note(Name, "starts", Life);
    }

    /// <summary>This life ends, at once.</summary>
    protected void End()
    {
        Alive = false;
        Frozen = false;
        held.Clear();
        World.Note(Name, "is dead", Life);
    }

    /// <summary>Runs something in this life after a delay.</summary>
    public void Post(TimeSpan delay, Action action, bool timer = false)
    {
        var life = Life;
        World.Schedule(delay, () => Arrive(life, timer, action));
    }

    /// <summary>Something is due to the given life now.</summary>
    public void Arrive(int life, bool timer, Action action)
    {
        if (!Alive || Life != life)
            return;
        if (Frozen)
            held.Add((life, timer, action));
        else
            action();
    }

    public void Freeze()
    {
        Frozen = true;
        World.Note(Name, "freezes");
    }

    /// <summary>What waited becomes due now; in some thaws the timers come first, in others everything in its old order.</summary>
    public void Thaw()
    {
        if (!Frozen)
            return;
        Frozen = false;
        World.Note(Name, "thaws", held.Count);
        var timersFirst = World.Faults.Chance(0.5);
        var due = timersFirst ? held.Where(item => item.Timer).Concat(held.Where(item => !item.Timer)).ToArray() : held.ToArray();
        held.Clear();
        foreach (var item in due)
            World.Schedule(TimeSpan.Zero, () => Arrive(item.Life, item.Timer, item.Action));
    }
}
