namespace Coordinator.Worker.Ranks;

/// <summary>
/// A call of a device that takes far longer than those before it hangs: nobody will hear of its end, and all ranks wait for it. How long
/// is too long follows from what calls of its kind took: twenty times the longest of the last of them, and no less than the job says. The
/// first call of a kind may load a library or compile a kernel, so it has much longer.
/// <para>
/// Slow is not hung: time counts only while whoever watches was awake itself, so a process that was frozen, or a machine that has no
/// processor left for it, condemns nobody when it goes on.
/// </para>
/// </summary>
/// <param name="least">No call hangs before it has taken so long; zero: nothing is ever taken to hang.</param>
internal sealed class DeviceWatch(TimeSpan least)
{
    private const int Factor = 20;
    private const int Remembered = 64;

    /// <summary>How often it is looked at.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan First = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Queue<TimeSpan>> took = [];
    private (string Kind, string What, TimeSpan Since)? call;
    private TimeSpan lookedAt;
    private TimeSpan awake;

    /// <summary>When to look again; null: no call is under way.</summary>
    public TimeSpan? NextLook
    {
        get
        {
            lock (gate)
                return call is null || least == TimeSpan.Zero ? null : lookedAt + Look;
        }
    }

    /// <summary>A call that must come to an end, on the device's thread.</summary>
    public T Run<T>(string kind, string what, Func<T> work)
    {
        Begin(kind, what, Monotonic.Now);
        var isWhole = false;
        try
        {
            var result = work();
            isWhole = true;
            return result;
        }
        finally
        {
            End(Monotonic.Now, isWhole);
        }
    }

    /// <summary>A call begins. On the device's thread.</summary>
    /// <param name="kind">Calls of one kind take alike.</param>
    /// <param name="what">What it does, for people.</param>
    /// <param name="now">Time.</param>
    public void Begin(string kind, string what, TimeSpan now)
    {
        lock (gate)
        {
            call = (kind, what, now);
            (lookedAt, awake) = (now, TimeSpan.Zero);
        }
    }

    /// <summary>The call has ended: by itself, where its time is to count for those after it.</summary>
    public void End(TimeSpan now, bool isWhole)
    {
        lock (gate)
        {
            if (call is not var (kind, _, since))
                return;
            call = null;
            if (!isWhole)
                return;
            if (!took.TryGetValue(kind, out var times))
                took[kind] = times = [];
            times.Enqueue(now - since);
            if (times.Count > Remembered)
                times.Dequeue();
        }
    }

    /// <summary>What hangs, in words for people; null: nothing.</summary>
    /// <param name="now">Time.</param>
    /// <param name="isElsewhere">The device does something else first, which may take as long as it takes.</param>
    public string? Hanging(TimeSpan now, bool isElsewhere = false)
    {
        lock (gate)
        {
            if (call is not var (kind, what, _) || least == TimeSpan.Zero)
                return null;
            var passed = now - lookedAt;
            awake += isElsewhere ? TimeSpan.Zero : passed < Look + Look ? passed : Look + Look;
            lookedAt = now;
            var longest = took.TryGetValue(kind, out var times) ? times.Max() : (TimeSpan?)null;
            var limit = longest is { } known ? known * Factor : First;
            if (awake <= (limit > least ? limit : least))
                return null;
            return $"the device hangs: {what} has taken {awake.TotalSeconds:0.#} s"
                + (longest is { } measured ? $", and none before took longer than {measured.TotalSeconds:0.###} s" : "");
        }
    }
}
