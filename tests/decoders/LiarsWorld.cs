using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Gateway;

namespace Coordinator.Decoders;

/// <summary>
/// All grains of a small cluster on a plain queue with a training job and a gang, an honest worker <c>b</c>, and a worker <c>a</c> that
/// takes part as well and says other things in between. Messages arrive at once and in order; what engines may do to them beside is the
/// simulator's matter.
/// </summary>
internal sealed class LiarsWorld
{
    private const int MostTurns = 20_000;
    private const string DeviceClass = "cpu-x64-k1";
    private static readonly JobId Job = new("job");
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    private readonly SortedDictionary<string, IMachine> machines = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> stored = [];
    private readonly Queue<(GrainAddress To, GrainMessage Message)> inbox = new();
    private readonly FakeWorker liar;
    private readonly FakeWorker honest;
    private readonly FakeTraining training;
    private readonly Dice dice;
    private TimeSpan now = TimeSpan.FromSeconds(1);

    public LiarsWorld(Dice dice)
    {
        this.dice = dice;
        liar = new FakeWorker(new NodeId("a"), 1_000, 3, DeviceClass, _ => { }) { Trains = true, Clock = () => now };
        honest = new FakeWorker(new NodeId("b"), 2_000, 2, DeviceClass, _ => { }) { Trains = true, Clock = () => now };
        training = new FakeTraining([liar, honest]);
        Post(GrainAddress.Of(Job), new SubmitJob(new JobSpec
        {
            Ranks = 3,
            Model = new ModelSpec { Program = "linear", Channels = 95 },
            Training = new TrainingSpec { Steps = 1000, BatchSize = 8, Shards = 8, MicroBatch = 1 },
            Collective = new CollectiveSpec { BlockElements = 32 },
            Checkpoint = new CheckpointSpec { Interval = dice.OneIn(2) ? "5" : "1s" },
            Secret = Convert.ToBase64String(new byte[32]),
        }));
        Post(GrainAddress.OfGang(WorkerWords.Gangs), new SubmitGang(new GangSpec
        {
            Command = ["program"],
            MinNodes = dice.OneIn(2) ? 2 : 1,
            MaxNodes = 2,
            Restarts = 1000,
            Lease = TimeSpan.FromSeconds(3),
            Alone = TimeSpan.FromSeconds(3),
        })
        { Secret = "secret" });
        Post(GrainAddress.Of(honest.Node), honest.Connect(now));
        Post(GrainAddress.Of(liar.Node), liar.Connect(now));

        // The liar begins in every phase: before a plan, in training, with checkpoints behind it.
        for (var ticks = dice.Below(30); ticks > 0; ticks--)
            Pass();
    }

    /// <summary>Something that the liar might say now.</summary>
    public byte[] Speak(Dice dice)
    {
        var rank = liar.Ranks.FirstOrDefault();
        var generation = Math.Max(1, (rank?.Generation ?? 1) + (dice.OneIn(6) ? dice.Below(3) - 1 : 0));
        return WorkerWords.Bytes(WorkerWords.Any(dice, liar.Node, liar.Session, Job, generation, rank?.Applied ?? 0, honest.Node));
    }

    /// <summary>The liar says it.</summary>
    /// <returns>Whether the gateway took it; else it would have ended the connection.</returns>
    public bool Hear(byte[] frame)
    {
        var (message, _) = WorkerFrames.Read(frame, liar.Node, liar.Session);
        if (message is not null)
        {
            Post(
                GrainAddress.Of(liar.Node),
                message is Hello again ? new WorkerConnected(liar.Session, again) : new WorkerSaid(liar.Session, message));
        }
        Pass();
        if (dice.OneIn(10))
            Reload(dice.Of([.. machines.Keys]));
        foreach (var machine in machines.Values)
            machine.Describe(now);
        return message is not null;
    }

    /// <summary>Lets a tick of time pass, with everything that is due in it.</summary>
    private void Pass()
    {
        now += Tick;
        foreach (var worker in (FakeWorker[])[liar, honest])
        {
            foreach (var said in worker.OnTime(now).ToArray())
                Post(GrainAddress.Of(worker.Node), new WorkerSaid(worker.Session, said));
        }

        foreach (var (worker, said) in training.Step((_, _) => { }).ToArray())
            Post(GrainAddress.Of(worker.Node), new WorkerSaid(worker.Session, said));
        var turns = 0;
        while (true)
        {
            while (inbox.TryDequeue(out var next))
            {
                Turn(Find(next.To), next.Message);
                Count(ref turns, next.To, next.Message);
            }

            if (machines.Values.FirstOrDefault(machine => machine.NextDeadline <= now) is not { } due)
                return;
            Turn(due, new DeadlinePassed());
            Count(ref turns, due.Address, $"its deadline {due.NextDeadline} at {now}");
        }
    }

    private static void Count(ref int turns, GrainAddress last, object why)
    {
        if (++turns > MostTurns)
        {
            throw new PropertyBrokenException(
                $"the machines have had {MostTurns} turns without time passing, the last one {last} for {why}");
        }
    }

    private void Post(GrainAddress to, GrainMessage message) => inbox.Enqueue((to, message));

    private IMachine Find(GrainAddress address)
    {
        if (machines.TryGetValue(address.ToString(), out var known))
            return known;
        var made = machines[address.ToString()] = MachineFactory.Create(address, stored.GetValueOrDefault(address.ToString()));
        Turn(made, new Activated("silo"));
        return made;
    }

    /// <summary>The silo dies and comes back, as far as one grain is concerned.</summary>
    private void Reload(string key)
    {
        var address = machines[key].Address;
        machines.Remove(key);
        Find(address);
    }

    private void Turn(IMachine machine, GrainMessage message)
    {
        var outputs = new Outputs();
        machine.Handle(now, message, outputs);
        foreach (var output in outputs.Items)
        {
            switch (output)
            {
                case PersistState state:
                    stored[machine.Address.ToString()] = state.StateJson;
                    break;
                case SendToGrain send:
                    Post(send.To, send.Message);
                    break;
                case SendToWorker send:
                    Obey(send);
                    break;
            }
        }
    }

    private void Obey(SendToWorker send)
    {
        var worker = send.Node == liar.Node ? liar : send.Node == honest.Node ? honest : null;
        if (worker is null || !worker.Connected)
            return;
        if (send.Message is HelloWanted wanted)
            Post(GrainAddress.Of(worker.Node), worker.Introduce(wanted.Proof));
        foreach (var said in worker.Obey(send.Message).ToArray())
            Post(GrainAddress.Of(worker.Node), new WorkerSaid(worker.Session, said));
    }
}
