using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;
using Coordinator.Runs.View;
using Coordinator.Worker.Faults;

namespace Coordinator.Lab.Chaos;

/// <summary>
/// A run while it is disturbed: what a scenario does to it, and what it waits for. Every wait ends with the run's time limit, and the
/// error says what was waited for.
/// </summary>
public sealed class ChaosRun
{
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(20);

    private readonly ChaosStage stage;
    private readonly List<ChaosDeed> deeds;
    private readonly CancellationToken limit;

    internal ChaosRun(ChaosPlan plan, ChaosScenario scenario, ChaosStage stage, List<ChaosDeed> deeds, CancellationToken limit)
    {
        (Plan, Scenario, this.stage, this.deeds, this.limit) = (plan, scenario, stage, deeds, limit);
        Draw = plan.Draw(scenario.Name);
        Victims = Draw.Order(scenario.Workers);
    }

    /// <summary>Seed and length.</summary>
    public ChaosPlan Plan { get; }

    /// <summary>The scenario.</summary>
    public ChaosScenario Scenario { get; }

    /// <summary>Draws of the scenario's own.</summary>
    public SeededDraw Draw { get; }

    /// <summary>The workers in a drawn order: whoever is hit first, second and so on.</summary>
    public IReadOnlyList<int> Victims { get; }

    /// <summary>What was done so far.</summary>
    public IReadOnlyList<ChaosDeed> Deeds => deeds;

    /// <summary>What is being waited for.</summary>
    public string WaitingFor { get; private set; } = "";

    /// <summary>What is known of the run now.</summary>
    public RunData Data => stage.Data;

    /// <summary>Steps that are recorded as far as is known now.</summary>
    public long Recorded => Data.Job?.Recorded ?? 0;

    /// <summary>The farthest step that any worker's heartbeat told of: it rises although nothing can be recorded.</summary>
    public long Applied => Data.Nodes.SelectMany(node => node.Ranks).Select(rank => rank.Applied).DefaultIfEmpty(0).Max();

    internal NetworkHosts Network => stage.Network ?? throw new InvalidOperationException($"{Scenario.Name} has no hosts of its own");

    internal SmallDisk Disk => stage.Disk ?? throw new InvalidOperationException($"{Scenario.Name} has no small disk");

    internal SteppedClock Clock => stage.Clock ?? throw new InvalidOperationException($"{Scenario.Name} has no clock of its own");

    /// <summary>Waits until the run looks so.</summary>
    /// <exception cref="ChaosException">The time limit passed, or the job or a process failed.</exception>
    public async Task<RunData> UntilAsync(string what, Func<RunData, bool> isSo)
    {
        WaitingFor = what;
        while (true)
        {
            limit.ThrowIfCancellationRequested();
            stage.ThrowIfFailed();
            var data = Data;
            if (isSo(data))
                return data;
            if (data.Job is { Phase: "finished" or "failed" } ended)
            {
                throw new ChaosException($"the job has {ended.Phase} at step {ended.Recorded} while the scenario waited for "
                    + $"{what}{(ended.Phase == "failed" ? $": {ended.Reason}" : "")}");
            }
            await Task.Delay(PollPeriod, limit);
        }
    }

    /// <summary>Waits until a step is recorded.</summary>
    public Task StepAsync(long step) => UntilAsync(
        $"step {step} to be recorded", data => data.Job is { Phase: "running" } job && job.Recorded >= step && data.SiloAway is null);

    /// <summary>Waits for a step at a fraction of the job, a drawn few later.</summary>
    public Task FractionAsync(double fraction) => StepAsync(Plan.At(fraction + (0.04 * Draw.Fraction())));

    /// <summary>
    /// Waits until workers have applied so many steps more, recorded or not, or the last one: with nothing to wait for they are faster than
    /// the pace by which the job's length was chosen.
    /// </summary>
    public async Task ProgressAsync(long steps)
    {
        var (from, to) = (Applied, Math.Min(Applied + steps, Plan.Steps));
        await UntilAsync($"{steps} steps more to be applied after step {from}", _ => Applied >= to);
    }

    /// <summary>Waits until a number of the job's checkpoints are recorded and kept.</summary>
    public Task CheckpointsAsync(int count) => UntilAsync($"{count} complete checkpoints", data => data.Job?.Checkpoints.Count >= count);

    /// <summary>Waits for an event that is stored after this call's beginning.</summary>
    public Task EventAsync(string what, Func<CoordinatorEvent, bool> isWanted, DateTimeOffset since) =>
        UntilAsync(what, data => data.Events.Any(stored => (stored.Time >= since || !stage.ClocksAreRight) && isWanted(stored.Event)));

    /// <summary>Waits until all workers train as members of the job.</summary>
    public Task WholeAsync() => UntilAsync(
        $"all {Scenario.Workers} workers to train", data => data.Job is { Phase: "running" } job
            && job.Members.Count == Scenario.Workers
            && job.Members.All(member => member.State == "training"));

    /// <summary>Lets time pass: the length of a fault.</summary>
    public async Task PauseAsync(TimeSpan time, string why)
    {
        WaitingFor = $"{why} ({time.TotalSeconds:0.#} s)";
        await Task.Delay(time, limit);
    }

    /// <summary>Notes what is done, and when; recovery is measured from a blow.</summary>
    public DateTimeOffset Note(string text, bool isBlow = false)
    {
        var deed = new ChaosDeed(DateTimeOffset.Now, text, Recorded, isBlow);
        deeds.Add(deed);
        return deed.At;
    }

    /// <summary>SIGKILL to workers, and to a silo of the given number if one is given.</summary>
    public DateTimeOffset Kill(IEnumerable<int> workers, int? silo = null)
    {
        List<string> names = [.. workers.Select(LocalCluster.WorkerName)];
        var at = DateTimeOffset.Now;
        foreach (var worker in workers)
        {
            _ = stage.KillWorker(worker) ?? throw new ChaosException(
                $"{LocalCluster.WorkerName(worker)} had ended by itself when it was to be killed");
        }
        if (silo is { } number)
            names.Add((stage.KillSilo(number) ?? throw new ChaosException("the silo had ended by itself when it was to be killed")).Name);
        Note($"SIGKILL to {string.Join(", ", names)}", isBlow: true);
        return at;
    }

    /// <summary>SIGKILL to every silo and worker.</summary>
    public void KillAll() => Note($"SIGKILL to {string.Join(", ", stage.KillAll())}", isBlow: true);

    /// <summary>SIGSTOP to processes by name.</summary>
    public void Freeze(params IReadOnlyList<string> names)
    {
        stage.Signal("STOP", names);
        Note($"SIGSTOP to {string.Join(", ", names)}", isBlow: true);
    }

    /// <summary>SIGCONT to processes by name.</summary>
    public void Thaw(params IReadOnlyList<string> names)
    {
        stage.Signal("CONT", names);
        Note($"SIGCONT to {string.Join(", ", names)}");
    }

    /// <summary>Names of the silos.</summary>
    public IReadOnlyList<string> Silos => stage.SiloNames;

    /// <summary>Names of all workers.</summary>
    public IReadOnlyList<string> Workers => [.. Enumerable.Range(0, Scenario.Workers).Select(LocalCluster.WorkerName)];

    /// <summary>Folder of the checkpoints, as this process reaches it.</summary>
    public string Checkpoints => stage.Checkpoints;

    /// <summary>Waits until a worker's planned fault has begun to strike.</summary>
    public Task StruckAsync(FaultAction action, FaultPoint point) => UntilAsync(
        $"the planned fault {action}@{point}".ToLowerInvariant(),
        _ => stage.Struck.Any(fault => fault.Action == action && fault.Point == point));

    /// <summary>Holds the lock that the silos' writes need.</summary>
    internal Task<LockedStorage> LockStorageAsync() => stage.LockStorageAsync(limit);
}
