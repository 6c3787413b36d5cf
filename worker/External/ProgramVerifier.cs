using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.External;

/// <summary>
/// Searches for what would break a job's promise before a cluster is spent on it: the same shards are computed again and again, in other
/// orders, in other processes, under load, and from a state that came from another process. It searches and does not prove: what differs
/// once in a million shards is not found here.
/// </summary>
/// <param name="spec">The job.</param>
/// <param name="start">Starts its program, for a spec and until it is no more wanted: a process, or in a load context of its own.</param>
/// <param name="say">Told what is being done, for people.</param>
public sealed class ProgramVerifier(JobSpec spec, Func<JobSpec, CancellationToken, IOwnDevice> start, Action<string> say)
{
    private readonly List<string> findings = [];

    /// <summary>The devices here compare nothing by themselves: they would refuse what is to be named.</summary>
    private readonly JobSpec lenient = spec with { Program = spec.Program! with { AllowNondeterminism = true } };

    /// <summary>Everything that was found, in the order in which it was; none: nothing differed.</summary>
    /// <exception cref="RankFaultException">The program failed.</exception>
    public IReadOnlyList<string> Run(CancellationToken cancel)
    {
        findings.Clear();
        say("starting the program");
        using var one = start(lenient, cancel);
        say($"{one.Client}: {one.ParameterCount} trained elements, {one.StateElements * sizeof(float)} bytes of state");
        var first = Shard(one, 1, 0, cancel);
        Compare(one, first, Shard(one, 1, 0, cancel), "computed a second time in a process");
        if (findings.Count == 0 && one is ProgramDevice process)
            LookAtFirstCalls(process);
        var used = new HashSet<string>(StringComparer.Ordinal);
        say("other shards, in another order");
        for (var shard = Math.Min(lenient.Training.Shards, 6) - 1; shard >= 0; shard--)
            Note(used, one, Shard(one, 1 + (shard % 2), shard, cancel));
        for (var again = 0; again < 6; again++)
            Shard(one, 1, 0, cancel);
        Compare(one, first, Shard(one, 1, 0, cancel), "computed a tenth time in a process, after other shards");
        say("under load");
        using (new Load())
            Compare(one, first, Shard(one, 1, 0, cancel), "computed under load");
        say("the program a second time");
        using var other = start(lenient, cancel);
        if (one.Identity != other.Identity)
            findings.Add($"two starts of the program differ: {ProgramIdentity.Explain(other.Identity, one.Identity)}");
        Compare(one, first, Shard(other, 1, 0, cancel), "computed by a second start of the program");
        say("a state that came from another one");
        Step(one, 1, cancel);
        Step(one, 2, cancel);
        var state = StateOf(one);
        state.Walk((at, piece) => other.WriteState(at, piece));
        Compare(one, Shard(one, 3, 1, cancel), Shard(other, 3, 1, cancel),
            "computed from a state that came from another start of the program");
        Step(one, 3, cancel);
        Step(other, 3, cancel);
        CompareStates(one, StateOf(one), StateOf(other));
        NameUnused(one, used);
        return [.. findings];
    }

    /// <summary>What is usually behind it.</summary>
    public static IReadOnlyList<string> Suspects { get; } =
    [
        "random numbers that are not drawn from Python's, NumPy's or torch's global generators, which are seeded for each shard: a "
            + "generator of one's own, os.urandom, hash() of objects",
        "data that depend on time, on the order of a set or of files in a folder, or on what came before: transforms with a state, caches, "
            + "workers of a loader",
        "layers or variables that keep something from one shard to the next: running statistics, counters, memory",
        "operations without a deterministic form (scatter and index_add on a GPU, atomics), or libraries that choose by timing",
        "a first call that is compiled or tuned on the way: raise program.warm_up_shards",
    ];

    private static HostFloats Shard(IOwnDevice device, long step, int shard, CancellationToken cancel)
    {
        using var gradient = device.CreateGradient();
        device.ComputeShard(step, shard, gradient, cancel);
        return Numbers(gradient);
    }

    /// <summary>One shard is taken for a whole step, its sum of squares in one block.</summary>
    private static void Step(IOwnDevice device, long step, CancellationToken cancel)
    {
        using var gradient = device.CreateGradient();
        var result = device.ComputeShard(step, 0, gradient, cancel);
        var squares = 0.0;
        Numbers(gradient).Walk((_, piece) => squares += BlockMath.SumOfSquares(piece));
        device.ApplyStep(step, gradient, squares, result.Targets);
    }

    private static HostFloats Numbers(DeviceGradient gradient)
    {
        gradient.AwaitDownload(gradient.Length);
        var numbers = new HostFloats(gradient.Length);
        for (var at = 0L; at < numbers.Length;)
        {
            var piece = numbers.From(at);
            var theirs = gradient.HostFrom(at);
            var count = Math.Min(piece.Length, theirs.Length);
            theirs[..count].CopyTo(piece);
            at += count;
        }

        return numbers;
    }

    private static HostFloats StateOf(IOwnDevice device)
    {
        var state = new HostFloats(device.StateElements);
        state.Walk((at, piece) => device.ReadState(at, piece));
        return state;
    }

    /// <summary>Notes the tensors of which a gradient has any number that is not zero.</summary>
    private static void Note(HashSet<string> used, IOwnDevice device, HostFloats gradient)
    {
        var place = 0L;
        foreach (var (name, elements) in device.GradientTensors)
        {
            gradient.Walk(place, elements, (_, piece) =>
            {
                if (piece.ContainsAnyExcept(0f))
                    used.Add(name);
            });
            place += elements;
        }
    }

    private void Compare(IOwnDevice device, HostFloats wanted, HostFloats found, string when)
    {
        if (wanted.FirstDifference(found) is { } at)
            findings.Add($"a shard {when} has another gradient; the first tensor that differs is {device.NameOf(at)}");
    }

    private void CompareStates(IOwnDevice device, HostFloats wanted, HostFloats found)
    {
        if (wanted.FirstDifference(found) is not { } at)
            return;
        var name = device.StateNameOf(at);
        findings.Add($"after the same step two starts of the program have different states; the first entry that differs is {name}");
    }

    private void LookAtFirstCalls(ProgramDevice device)
    {
        var (differ, warmUp) = (device.FirstCallsThatDiffer, lenient.Program!.WarmUpShards);
        if (differ > warmUp)
        {
            findings.Add($"the first {differ} calls of a process compute another gradient than later ones, and {warmUp} shards are "
                + $"computed uncounted (program.warm_up_shards): raise it to {differ} or more, if it then stays the same");
        }
        else if (differ > 0)
        {
            say($"note: the first {differ} calls of a process compute another gradient than later ones; "
                + $"the {warmUp} uncounted shards at a start (program.warm_up_shards) cover that");
        }
    }

    private void NameUnused(IOwnDevice device, HashSet<string> used)
    {
        foreach (var (name, elements) in device.GradientTensors)
        {
            if (elements > 0 && !used.Contains(name))
                say($"note: no shard that was looked at has a gradient for {name}; it counts as zeros, and the optimizer still decays it");
        }
    }

    /// <summary>Keeps every core busy with memory while it lives.</summary>
    private sealed class Load : IDisposable
    {
        private readonly Thread[] threads;
        private volatile bool isOver;

        public Load()
        {
            threads = [
                .. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(Work) { IsBackground = true, Name = "load" })
            ];
            foreach (var thread in threads)
                thread.Start();
        }

        public void Dispose()
        {
            isOver = true;
            foreach (var thread in threads)
                thread.Join();
        }

        private void Work()
        {
            var memory = new long[1 << 20];
            for (var i = 0L; !isOver; i++)
                memory[(i * 4099) & ((1 << 20) - 1)] += i;
        }
    }
}
