using Coordinator.Machines;

namespace Coordinator.Tests.Conformance;

/// <summary>
/// Engines that break a rule of <see cref="IMachine"/>, as the machines in them see it: a fence of the engine is taken down around them.
/// </summary>
internal static class BrokenMachines
{
    /// <summary>The machine is handed what waited for it first, and only then that it was activated.</summary>
    public static IMachine ActivatedLate(GrainAddress address, string? state) => new LateActivation(MachineFactory.Create(address, state));

    /// <summary>The machine never hears that it was activated.</summary>
    public static IMachine NotActivated(GrainAddress address, string? state) => new Around(MachineFactory.Create(address, state))
    {
        Takes = message => message is not Activated,
    };

    /// <summary>Deadlines pass unseen.</summary>
    public static IMachine Asleep(GrainAddress address, string? state) =>
        new Around(MachineFactory.Create(address, state)) { Wakes = false };

    /// <summary>Deadlines pass when they are set.</summary>
    public static IMachine Sleepless(GrainAddress address, string? state) => new Around(
        MachineFactory.Create(address, state))
    { Clock = (now, message) => message is Activated ? now : now + TimeSpan.FromHours(1) };

    /// <summary>What is stored is not read.</summary>
    public static IMachine LoadedEmpty(GrainAddress address, string? _) => MachineFactory.Create(address, null);

    /// <summary>The outputs of a turn are carried out backwards.</summary>
    public static IMachine Backwards(GrainAddress address, string? state) => new Around(MachineFactory.Create(address, state))
    {
        Gives = outputs => outputs.Reverse(),
    };

    /// <summary>What a job has to say to nodes does not leave, however often it is said.</summary>
    public static IMachine HalfMute(GrainAddress address, string? state) => new Around(MachineFactory.Create(address, state))
    {
        Gives = outputs => outputs.Where(output => output is not SendToGrain { Message: NodeOrders }),
    };

    /// <summary>Every send to a worker leaves twice.</summary>
    public static IMachine Stuttering(GrainAddress address, string? state) => new Around(MachineFactory.Create(address, state))
    {
        Gives = outputs => outputs.SelectMany(output => output is SendToWorker ? new[] { output, output } : [output]),
    };

    /// <summary>Events get lost before they reach storage.</summary>
    public static IMachine Unobserved(GrainAddress address, string? state) => new Around(MachineFactory.Create(address, state))
    {
        Gives = outputs => outputs.Where(output => output is not (ObserveEvent or ObserveSteps)),
    };

    /// <summary>A grain that has nothing to do is dropped after every turn, with what it knows, and loaded again for the next.</summary>
    public static IMachine Forgetful(GrainAddress address, string? state) => new Amnesia(address, state);

    private sealed class Around(IMachine inner) : IMachine
    {
        private readonly Outputs own = new();

        public bool Wakes { get; init; } = true;

        public Func<GrainMessage, bool> Takes { get; init; } = _ => true;

        public Func<TimeSpan, GrainMessage, TimeSpan> Clock { get; init; } = (now, _) => now;

        public Func<IEnumerable<Output>, IEnumerable<Output>> Gives { get; init; } = outputs => outputs;

        public GrainAddress Address => inner.Address;

        public TimeSpan? NextDeadline => Wakes ? inner.NextDeadline : null;

        public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
        {
            if (!Takes(message))
                return;
            own.Clear();
            inner.Handle(Clock(now, message), message, own);
            foreach (var output in Gives(own.Items))
                outputs.Add(output);
        }

        public string Describe(TimeSpan now) => inner.Describe(now);
    }

    private sealed class LateActivation(IMachine inner) : IMachine
    {
        private Activated? late;

        public GrainAddress Address => inner.Address;

        public TimeSpan? NextDeadline => inner.NextDeadline;

        public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
        {
            if (message is Activated activated)
            {
                late = activated;
                return;
            }

            inner.Handle(now, message, outputs);
            if (late is not null)
                inner.Handle(now, late, outputs);
            late = null;
        }

        public string Describe(TimeSpan now) => inner.Describe(now);
    }

    private sealed class Amnesia(GrainAddress address, string? state) : IMachine
    {
        private string? stored = state;
        private IMachine inner = MachineFactory.Create(address, state);

        public GrainAddress Address => address;

        public TimeSpan? NextDeadline => inner.NextDeadline;

        public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
        {
            inner.Handle(now, message, outputs);
            stored = outputs.Items.OfType<PersistState>().LastOrDefault()?.StateJson ?? stored;
            if (inner.NextDeadline is not null)
                return;
            inner = MachineFactory.Create(address, stored);
            inner.Handle(now, new Activated("again"), outputs);
            stored = outputs.Items.OfType<PersistState>().LastOrDefault()?.StateJson ?? stored;
        }

        public string Describe(TimeSpan now) => inner.Describe(now);
    }
}
