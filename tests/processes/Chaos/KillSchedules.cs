using Coordinator.Machines;
using Coordinator.Runs.Faults;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>
/// The table: workload, faults. Who is hit and at which step is drawn from each row's seed, which is its place in the table; at least
/// one member that holds the state always survives.
/// </summary>
public static class KillSchedules
{
    public static readonly IReadOnlyList<KillSchedule> All = [.. Rows().Select((row, index) => row((ulong)index + 1))];

    private static IEnumerable<Func<ulong, KillSchedule>> Rows()
    {
        // One worker dies, in every part of a step; the others wait for it.
        yield return seed => One(seed, "one of two computes", Workload.Gpt, 2, 1, "compute");
        yield return seed => One(seed, "one of three is in the collective", Workload.Gpt, 3, 1, "collective");
        yield return seed => One(seed, "one of two with two ranks applies", Workload.Gpt, 2, 2, "apply");
        yield return seed => One(seed, "one of four has a gradient", Workload.Linear, 4, 1, "contribution");

        // The same, and the others go on.
        yield return seed => One(seed, "one of four computes, the others go on", Workload.Linear, 4, 1, "compute") with { GoOn = true };
        yield return seed => One(
            seed,
            "one of two with three ranks is in the collective, the other goes on",
            Workload.GptWithDropout,
            2,
            3,
            "collective") with
        { GoOn = true };
        yield return seed => One(seed, "one of three applies, the others go on", Workload.Gpt, 3, 1, "apply") with { GoOn = true };

        // A second death in the recovery from the first.
        yield return seed =>
            Second(seed, "another dies in the recovery, the last goes on", Workload.Gpt, 3, 1, "prepare:1") with { GoOn = true };
        yield return seed => Second(seed, "another dies in the recovery", Workload.Linear, 3, 1, "prepare:1");
        yield return seed => Second(seed, "another dies in the recovery, twice", Workload.Gpt, 3, 1, "prepare:1", "prepare:1");
        yield return seed => Again(seed, "the receiver of state dies", Workload.Gpt, 2, 1, "fetch:1");
        yield return seed => Again(seed, "the receiver of state dies twice", Workload.Linear, 3, 2, "fetch:1", "fetch:1");
        yield return seed => Second(seed, "a donor of state dies", Workload.Gpt, 3, 1, "serve:1");
        yield return seed => WithReceiver(Second(seed, "donor and receiver of state die", Workload.GptWithDropout, 3, 1, "serve:1"));
        yield return seed => Again(seed, "one dies, comes back, and dies again", Workload.Linear, 4, 1, "compute:15");

        // The last step.
        yield return seed => One(seed, "one of two has applied the last step", Workload.Gpt, 2, 1, "final");
        yield return seed =>
            One(seed, "one of three has applied the last step, the others end", Workload.Linear, 3, 2, "final") with { GoOn = true };

        // Several at once.
        yield return seed => Several(seed, "two of four at once", Workload.Gpt, 4, 1, 2, "compute");
        yield return seed =>
            Several(seed, "two of three at once, the last goes on", Workload.Linear, 3, 1, 2, "collective") with { GoOn = true };
        yield return seed => Several(seed, "three of four at once", Workload.Linear, 4, 2, 3, "apply");
        yield return seed => Rolling(seed, "one after the other", Workload.Gpt, 3, 1);

        // The silo, while a frozen worker holds the step open, or while the job waits.
        yield return seed => Frozen(
            seed,
            "the silo of one worker",
            Workload.Gpt,
            1,
            3,
            "compute",
            2) with
        { Blow = new Blow(EventKinds.GenerationRunning, 1, Silo: true) };
        yield return seed => Frozen(
            seed,
            "the silo of three workers",
            Workload.Linear,
            3,
            1,
            "collective",
            2) with
        { Blow = new Blow(EventKinds.GenerationRunning, 1, Silo: true) };
        yield return SiloAndWorker;
        yield return seed => One(
            seed,
            "the silo dies while the job waits for one of two",
            Workload.Gpt,
            2,
            1,
            "compute") with
        { Blow = new Blow(EventKinds.JobWaiting, 1, Silo: true) };
        yield return SiloInRecovery;

        // A process of many ranks, which share its threads.
        yield return seed =>
            One(seed, "one of three with twenty ranks computes, the others go on", Workload.Wide, 3, 20, "compute") with { GoOn = true };
        yield return seed => One(seed, "one of three with twenty ranks is in the collective", Workload.Wide, 3, 20, "collective");

        // A frozen worker is given up, and thaws.
        yield return seed => Frozen(
            seed,
            "one of three is frozen, given up, and thaws",
            Workload.Gpt,
            3,
            1,
            "compute",
            5) with
        { PeerTimeout = TimeSpan.FromSeconds(1) };

        // A device is lost, its process is not.
        yield return seed => Lost(
            seed,
            "one of four ranks loses its device, its worker's other rank and the others go on",
            Workload.Gpt,
            2,
            2,
            "compute") with
        { GoOn = true };
        yield return seed =>
            Lost(seed, "one of two loses its device as it applies, and returns", Workload.Linear, 2, 1, "apply") with { GoOn = true };
    }

    private static KillSchedule Lost(ulong seed, string name, Workload workload, int workers, int gpus, string point)
    {
        var (order, step) = Draw(seed, workload, workers);
        return Row(seed, name, workload, workers, gpus, new ArmedFault(order[0], 1, Rule("lose", point, step)));
    }

    private static KillSchedule One(ulong seed, string name, Workload workload, int workers, int gpus, string point)
    {
        var (order, step) = Draw(seed, workload, workers);
        return Row(seed, name, workload, workers, gpus, new ArmedFault(order[0], 1, Rule("kill", point, step)));
    }

    /// <summary>Another worker suffers, at each of its starts, what the first one's death leads to.</summary>
    private static KillSchedule Second(ulong seed, string name, Workload workload, int workers, int gpus, params string[] others)
    {
        var (order, step) = DrawWithState(seed, workload, workers);
        return Row(seed, name, workload, workers, gpus,
            [new ArmedFault(order[0], 1, $"kill@compute:{step}"), .. others.Select(
                (rule, start) => new ArmedFault(order[1], start + 1, $"kill@{rule}"))]);
    }

    /// <summary>The same worker dies after its return.</summary>
    private static KillSchedule Again(ulong seed, string name, Workload workload, int workers, int gpus, params string[] later)
    {
        var (order, step) = DrawWithState(seed, workload, workers);
        return Row(seed, name, workload, workers, gpus,
            [new ArmedFault(order[0], 1, $"kill@compute:{step}"), .. later.Select(
                (rule, start) => new ArmedFault(order[0], start + 2, $"kill@{rule}"))]);
    }

    private static KillSchedule WithReceiver(KillSchedule schedule) =>
        schedule with { Faults = [.. schedule.Faults, new ArmedFault(schedule.Faults[0].Worker, 2, "kill@fetch:1")] };

    private static KillSchedule Several(ulong seed, string name, Workload workload, int workers, int gpus, int victims, string point)
    {
        var (order, step) = Draw(seed, workload, workers);
        return Row(
            seed,
            name,
            workload,
            workers,
            gpus,
            [.. order.Take(victims).Select(worker => new ArmedFault(worker, 1, Rule("kill", point, step)))]);
    }

    private static KillSchedule Rolling(ulong seed, string name, Workload workload, int workers, int gpus)
    {
        var (order, _) = Draw(seed, workload, workers);
        return Row(
            seed,
            name,
            workload,
            workers,
            gpus,
            [.. order.Select((worker, turn) => new ArmedFault(worker, 1, $"kill@compute:{3 + (4 * turn)}"))]);
    }

    private static KillSchedule Frozen(ulong seed, string name, Workload workload, int workers, int gpus, string point, int seconds)
    {
        var (order, step) = Draw(seed, workload, workers);
        return Row(seed, name, workload, workers, gpus, new ArmedFault(order[0], 1, $"{Rule("freeze", point, step)}:{seconds}s"));
    }

    private static KillSchedule SiloAndWorker(ulong seed)
    {
        var schedule = Frozen(seed, "the silo and a worker at once", Workload.Gpt, 3, 1, "compute", 2);
        var other = (schedule.Faults[0].Worker + 1) % schedule.Workers;
        return schedule with { Blow = new Blow(EventKinds.GenerationRunning, 1, Silo: true, other) };
    }

    private static KillSchedule SiloInRecovery(ulong seed)
    {
        var (order, step) = Draw(seed, Workload.Gpt, 3);
        return Row(
            seed,
            "the silo dies in a recovery",
            Workload.Gpt,
            3,
            1,
            new ArmedFault(order[0], 1, $"kill@compute:{step}"),
            new ArmedFault(order[1], 1, "freeze@prepare:1:2s"))
            with
        { Blow = new Blow(EventKinds.GenerationForming, 2, Silo: true) };
    }

    private static KillSchedule Row(ulong seed, string name, Workload workload, int workers, int gpus, params ArmedFault[] faults) =>
        new($"{seed:00} {name} ({workload.Name}, {workers} x {gpus})", workload, workers, gpus) { Faults = faults };

    private static string Rule(string action, string point, long step) => point == "final" ? $"{action}@final" : $"{action}@{point}:{step}";

    /// <summary>
    /// A step whose death leaves others with a state that has to be fetched. Who computes step 2 may be one step ahead of everybody else;
    /// if it dies then, the job goes on from step 0, whose state each makes from the seed, and nobody fetches or serves anything.
    /// </summary>
    private static (int[] Order, long Step) DrawWithState(ulong seed, Workload workload, int workers)
    {
        var (order, step) = Draw(seed, workload, workers);
        return (order, Math.Max(3, step));
    }

    private static (int[] Order, long Step) Draw(ulong seed, Workload workload, int workers)
    {
        var draw = new SeededDraw(seed);
        return (draw.Order(workers), 2 + draw.Below((int)workload.Steps - 4));
    }
}
