namespace Coordinator.Simulator.World;

/// <summary>
/// An operating-system process: alive or not, and frozen or not. What is due to a dead process, or to an earlier life of it, is
/// dropped; what is due to a frozen one waits until it thaws, timers as well as messages.
/// </summary>
internal abstract class SimulatedProcess(VirtualWorld world, string name, double clockSkew)
{
    private readonly List<(int Life, bool Timer, Action Action)> held = [];
    private TimeSpan clockThen;
    private TimeSpan worldThen;
    private double rate = 1;

    public VirtualWorld World { get; } = world;
    public string Name { get; } = name;
    public bool Alive { get; private set; }
    public bool Frozen { get; private set; }

    /// <summary>Counts the starts.</summary>
    public int Life { get; private set; }

    /// <summary>
    /// Monotonic time of this life. It starts anywhere and runs at a rate of its own, so that code which compares clocks of two
    /// processes, or takes a wait of one for a wait of another, goes wrong here.
    /// </summary>
    public TimeSpan Clock => clockThen + ((World.Now - worldThen) * rate);

    /// <summary>A new life. Its clock may be faster or slower than the world's by the seed's share.</summary>
    protected void Begin()
    {
        if (Alive)
            throw new InvalidOperationException($"{Name} is already running");
        Alive = true;
        Frozen = false;
        Life++;
        clockThen = World.Workload.Between(TimeSpan.Zero, TimeSpan.FromHours(5));
        worldThen = World.Now;
        rate = 1 + (clockSkew * ((2 * World.Workload.Unit()) - 1));
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

    /// <summary>The clock goes on from where it is at another rate, as in a machine whose time is stolen or made up for.</summary>
    public void SetClockRate(double to)
    {
        (clockThen, worldThen, rate) = (Clock, World.Now, to);
        World.Note(Name, "clock rate", (long)(to * 1000));
    }

    /// <summary>Runs something in this life after a delay: of this process's clock for a timer, else of the world's time.</summary>
    public void Post(TimeSpan delay, Action action, bool timer = false)
    {
        var life = Life;

        // A timer never fires early, or a deadline that rounding has put a tick away would be waited for without end.
        var due = timer && rate != 1 ? TimeSpan.FromTicks((long)(delay.Ticks / rate) + 2) : delay;
        World.Schedule(due, () => Arrive(life, timer, action));
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
