using System.Collections.Concurrent;
using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>
/// Machines in a dictionary, a queue of messages and their times to wake, on one thread: what is measured is the machines and what they
/// have stored, and not what hosts them. What a turn sends leaves when all that it has stored is durable. Posting is thread-safe.
/// </summary>
/// <param name="commits">Where states, events and steps go; null: states stay in memory, and the rest is forgotten.</param>
/// <param name="tell">Takes what is sent to nodes; called on the loop's thread.</param>
internal sealed class MachineLoop(SqliteCommits? commits, Action<NodeId, CoordinatorMessage> tell) : IDisposable
{
    private const int Burst = 1000;

    private readonly Dictionary<GrainAddress, Slot> slots = [];
    private readonly ConcurrentQueue<(GrainAddress To, GrainMessage? Message, TaskCompletionSource<string>? Asked)> inbox = new();
    private readonly Queue<(Slot Slot, Task Durable, Output[] Sends)> waiting = new();
    private readonly PriorityQueue<Slot, TimeSpan> wakes = new();
    private readonly int[] known = new int[Enum.GetValues<GrainKind>().Length];
    private readonly Outputs outputs = new();
    private readonly AutoResetEvent more = new(false);
    private readonly TaskCompletionSource<Exception> broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long began = Stopwatch.GetTimestamp();
    private Thread? thread;
    private volatile bool ending;

    /// <summary>Ends when a machine breaks an invariant; no turn runs afterwards.</summary>
    public Task<Exception> Broken => broken.Task;

    private TimeSpan Now => Stopwatch.GetElapsedTime(began);

    /// <summary>Begins to run turns.</summary>
    public void Start()
    {
        thread = new Thread(Run) { IsBackground = true, Name = "machines" };
        thread.Start();
    }

    /// <summary>Hands in a message; those to one machine keep their order.</summary>
    public void Post(GrainAddress to, GrainMessage message) => Add((to, message, null));

    /// <summary>A machine's view, after the messages before it were handled.</summary>
    public Task<string> DescribeAsync(GrainAddress address)
    {
        TaskCompletionSource<string> asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Add((address, null, asked));
        return asked.Task;
    }

    /// <summary>Machines of a kind.</summary>
    public int Known(GrainKind kind) => Volatile.Read(ref known[(int)kind]);

    public void Dispose()
    {
        ending = true;
        more.Set();
        thread?.Join();
        more.Dispose();
    }

    private void Add((GrainAddress To, GrainMessage? Message, TaskCompletionSource<string>? Asked) item)
    {
        inbox.Enqueue(item);
        if (Thread.CurrentThread != thread) more.Set();
    }

    private void Run()
    {
        try
        {
            while (!ending)
            {
                if (!RunOnce()) more.WaitOne(Rest());
            }
        }
        catch (Exception why)
        {
            broken.TrySetResult(why);
        }
    }

    private bool RunOnce()
    {
        var worked = false;
        while (waiting.TryPeek(out var first) && first.Durable.IsCompleted)
        {
            waiting.Dequeue();
            first.Durable.GetAwaiter().GetResult();
            first.Slot.Waiting--;
            Send(first.Sends);
            worked = true;
        }

        for (var taken = 0; taken < Burst && inbox.TryDequeue(out var item); taken++)
        {
            var slot = Find(item.To);
            if (item.Message is { } message) Turn(slot, message);
            else item.Asked!.TrySetResult(slot.Machine.Describe(Now));
            worked = true;
        }

        while (wakes.TryPeek(out var due, out var at) && at <= Now)
        {
            wakes.Dequeue();
            due.ArmedFor = null;
            if (due.Machine.NextDeadline <= Now) Turn(due, new DeadlinePassed());
            else Arm(due);
            worked = true;
        }

        return worked;
    }

    private TimeSpan Rest()
    {
        var most = TimeSpan.FromMilliseconds(waiting.Count > 0 ? 1 : 100);
        var next = wakes.TryPeek(out _, out var at) ? at - Now : most;
        return next < TimeSpan.Zero ? TimeSpan.Zero : next < most ? next : most;
    }

    private Slot Find(GrainAddress address)
    {
        if (slots.TryGetValue(address, out var there)) return there;
        Slot slot = new(MachineFactory.Create(address, null));
        slots.Add(address, slot);
        Turn(slot, new Activated("bench"));
        Interlocked.Increment(ref known[(int)address.Kind]);
        return slot;
    }

    private void Turn(Slot slot, GrainMessage message)
    {
        outputs.Clear();
        slot.Machine.Handle(Now, message, outputs);
        Arm(slot);
        if (outputs.Items.Count == 0) return;
        Output[] sends = [.. outputs.Items.Where(output => output is SendToGrain or SendToWorker)];
        var durable = Store(slot);
        if (durable.IsCompletedSuccessfully && slot.Waiting == 0)
        {
            Send(sends);
            return;
        }

        slot.Waiting++;
        waiting.Enqueue((slot, durable, sends));
    }

    private Task Store(Slot slot)
    {
        var state = outputs.Items.OfType<PersistState>().LastOrDefault();
        if (state is not null) slot.Incarnation = state.Incarnation;
        if (commits is null)
        {
            slot.State = state?.StateJson ?? slot.State;
            return Task.CompletedTask;
        }

        Output[] observed = [.. outputs.Items.Where(output => output is ObserveEvent or ObserveSteps)];
        var first = observed.Length > 0 ? commits.StoreAsync(slot.Machine.Address, slot.Incarnation, observed) : Task.CompletedTask;
        return state is null ? first : Task.WhenAll(first, commits.WriteAsync(slot.Machine.Address, state));
    }

    private void Send(Output[] sends)
    {
        foreach (var send in sends)
        {
            if (send is SendToWorker worker) tell(worker.Node, worker.Message);
            else if (send is SendToGrain grain) Post(grain.To, grain.Message);
        }
    }

    private void Arm(Slot slot)
    {
        // A deadline that moves away leaves the time as it is: it comes early once, and is set anew.
        if (slot.Machine.NextDeadline is not { } at || slot.ArmedFor <= at) return;
        slot.ArmedFor = at;
        wakes.Enqueue(slot, at);
    }

    private sealed class Slot(IMachine machine)
    {
        public IMachine Machine => machine;

        public TimeSpan? ArmedFor { get; set; }

        public long Incarnation { get; set; }

        /// <summary>The state, where no store keeps it.</summary>
        public string? State { get; set; }

        /// <summary>Turns whose sends wait for storage.</summary>
        public int Waiting { get; set; }
    }
}
