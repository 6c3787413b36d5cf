namespace Coordinator.Simulator.World;

/// <summary>
/// One direction of a TCP connection: ordered, delayed, lossless while it stands. A cut holds everything back and delivers it, in
/// order, once the cut heals, as retransmission would. What a frame carries is read when it leaves, not when it is asked for.
/// </summary>
internal sealed class FifoChannel<T>(
    VirtualWorld world, SimulatedProcess receiver, Func<TimeSpan> delay, Func<bool> isCut, Action<T> deliver)
{
    private readonly int life = receiver.Life;
    private readonly Queue<Func<T>> waiting = new();
    private TimeSpan lastArrival;
    private bool leaving;
    private bool broken;
    private bool dead;

    /// <summary>Queues an item; <paramref name="read"/> is called once, when it leaves.</summary>
    public void Send(Func<T> read)
    {
        if (broken)
            return;
        waiting.Enqueue(read);
        if (!leaving)
            Depart();
    }

    /// <summary>What has not left is dropped; with <paramref name="alsoInFlight"/>, what has not arrived too.</summary>
    public void Break(bool alsoInFlight)
    {
        waiting.Clear();
        dead |= alsoInFlight;
        broken = true;
    }

    /// <summary>When a notice sent now, such as the end of the connection, would arrive after all that is in flight.</summary>
    public TimeSpan UntilDrained => lastArrival > world.Now ? lastArrival - world.Now : TimeSpan.Zero;

    /// <summary>Tries again after a cut.</summary>
    public void Resume()
    {
        if (!leaving && waiting.Count > 0 && !broken)
            Depart();
    }

    private void Depart()
    {
        leaving = true;
        world.Schedule(TimeSpan.Zero, () =>
        {
            leaving = false;
            if (broken || isCut())
                return;
            while (waiting.TryDequeue(out var read))
            {
                var item = read();
                var arrival = world.Now + delay();
                lastArrival = arrival > lastArrival ? arrival : lastArrival;
                world.Schedule(lastArrival - world.Now, () =>
                {
                    if (!dead)
                        receiver.Arrive(life, false, () => deliver(item));
                });
            }
        });
    }
}
