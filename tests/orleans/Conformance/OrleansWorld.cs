using System.Collections.Concurrent;
using Coordinator.Conformance;
using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// What outlives the silos under test: disk, time, what left for workers, and how messages between grains fare. Thread-safe.
/// </summary>
internal sealed class OrleansWorld
{
    private readonly Lock gate = new();
    private readonly ConcurrentQueue<(object Message, string Text)> shared = new();
    private readonly List<Action> late = [];
    private readonly ConcurrentDictionary<GrainAddress, byte> known = new();
    private readonly Hostility? hostility;
    private readonly Random chance;
    private List<SendToWorker> sent = [];
    private long activity;

    public OrleansWorld(EngineSetup setup, OrleansFences fences, Func<OrleansWorld, IConformanceDisk> disk)
    {
        Fences = fences;
        Disk = disk(this);
        hostility = setup.Hostility;
        chance = new Random((int)(hostility?.Seed ?? 0));
    }

    public OrleansFences Fences { get; }

    public IConformanceDisk Disk { get; }

    public ManualTimeProvider Time { get; } = new();

    /// <summary>Of the silo that is alive.</summary>
    public ConformanceServices? Services { get; set; }

    /// <summary>Silo processes so far.</summary>
    public int Lives { get; set; }

    /// <summary>Counts everything that happens, so that rest can be told.</summary>
    public long Activity => Interlocked.Read(ref activity);

    /// <summary>Grains that may be active.</summary>
    public IEnumerable<GrainAddress> Known => known.Keys;

    /// <summary>
    /// Notes a message as it is sent, to a grain, to a worker or to be stored, and as it comes from outside: from then on sender and
    /// receivers share it, and nobody may change it.
    /// </summary>
    public void Sent(object message) => shared.Enqueue((message, SentMessage.Text(message)));

    /// <summary>The first message that is not any more what it was when it was sent; null: there is none.</summary>
    public string? FirstChanged() =>
        shared.Where(sent => SentMessage.Text(sent.Message) != sent.Text)
            .Select(sent => $"sent as {sent.Text} and is now {SentMessage.Text(sent.Message)}").FirstOrDefault();

    public void Active() => Interlocked.Increment(ref activity);

    public void Know(GrainAddress grain) => known.TryAdd(grain, 0);

    /// <summary>The process is gone, with all that was under way in it.</summary>
    public void Forget()
    {
        known.Clear();
        lock (gate)
            late.Clear();
    }

    public void Tell(SendToWorker message)
    {
        lock (gate)
        {
            sent.Add(message);
            if (Fences.HasFlag(OrleansFences.SendsTwice))
                sent.Add(message);
        }

        Active();
    }

    public IReadOnlyList<SendToWorker> TakeSent()
    {
        lock (gate)
        {
            var taken = sent;
            sent = [];
            return taken;
        }
    }

    /// <summary>Delivers never, once or twice, now or when some later message goes.</summary>
    public void Carry(Action deliver)
    {
        Active();
        List<Action> now = [];
        lock (gate)
        {
            if (Fences.HasFlag(OrleansFences.CarriesNothing))
                return;
            if (hostility is null)
                now.Add(deliver);
            else
                Route(hostility, deliver, now);
        }

        now.ForEach(each => each());
    }

    private void Route(Hostility hostile, Action deliver, List<Action> now)
    {
        if (late.Count > 0 && Happens(0.25))
        {
            var index = chance.Next(late.Count);
            now.Add(late[index]);
            late.RemoveAt(index);
        }

        if (Happens(hostile.Loss))
            return;
        for (var copies = Happens(hostile.Repeat) ? 2 : 1; copies > 0; copies--)
            (Happens(hostile.Reorder) ? late : now).Add(deliver);
    }

    private bool Happens(double probability) => chance.NextDouble() < probability;
}
