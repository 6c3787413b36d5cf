using System.Collections.Immutable;
using Coordinator.Disk;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Processes;
using Coordinator.Runs.View;
using Coordinator.Worker.Faults;

namespace Coordinator.Runs.Demo;

/// <summary>A process's death as it happened.</summary>
/// <param name="Time">When.</param>
/// <param name="Kind">Which kind was planned; null where the demo did not plan it: somebody else's <c>kill -9</c>.</param>
/// <param name="Process">Whose.</param>
/// <param name="Pid">Its process id.</param>
public sealed record KillRecord(DateTimeOffset Time, KillKind? Kind, string Process, int Pid);

/// <summary>
/// Carries out a <see cref="KillSchedule"/>: blows from outside when their step was recorded, and the two kinds that need an exact
/// moment by a fault that a worker is started with. A blow waits until it leaves somebody alive who holds the state, and the workers wait
/// for the blow: none begins a step behind it before it has struck, so that every blow does, however fast or slow the machine is.
/// </summary>
public sealed class KillRunner
{
    // The collective that is to be hit, and one more: its victim may come back only after the first.
    private const int RoomForCollective = 2;

    private readonly object gate = new();
    private readonly string folder;
    private readonly List<PlannedKill> waiting;
    private readonly Dictionary<(string Process, int Pid), (KillKind Kind, DateTimeOffset Time)> ours = [];

    /// <summary>Nothing is killed yet.</summary>
    /// <param name="schedule">What is to happen.</param>
    /// <param name="folder">Where a file for each blow that has struck tells the workers to go on.</param>
    public KillRunner(KillSchedule schedule, string folder) => (waiting, this.folder) = ([.. schedule.Kills], folder);

    /// <summary>Blows not carried out yet.</summary>
    public IReadOnlyList<PlannedKill> Waiting
    {
        get
        {
            lock (gate)
                return [.. waiting];
        }
    }

    /// <summary>Faults to start a worker with: those planned for it that have not happened.</summary>
    public IEnumerable<string> WorkerArguments(int worker, int start)
    {
        lock (gate)
        {
            // A worker that was there from the first generation on is asked for its state again when another one fails; one that
            // came back is asked on its own return, and only then for another's sake.
            return
            [
                .. waiting.Where(kill => kill.Kind != KillKind.Recovery).SelectMany(kill => Hold(kill).Arguments),
                .. waiting.Where(kill => kill.Workers.Contains(worker)).SelectMany(kill => kill.Kind switch
                {
                    KillKind.Collective => new FaultRule(FaultAction.Kill, FaultPoint.Collective, kill.Step).Arguments,
                    KillKind.Recovery => new FaultRule(FaultAction.Kill, FaultPoint.Prepare, start == 1 ? 1 : 2).Arguments,
                    _ => [],
                }),
            ];
        }
    }

    /// <summary>Hears what a worker prints: one that is about to kill itself, as its fault wants, says so first.</summary>
    public void Heard(int worker, int pid, string line)
    {
        KillKind? kind = FaultRule.Announced(line) switch
        {
            { Action: FaultAction.Kill, Point: FaultPoint.Collective } => KillKind.Collective,
            { Action: FaultAction.Kill, Point: FaultPoint.Prepare } => KillKind.Recovery,
            _ => null,
        };
        if (kind is not { } struck)
            return;
        lock (gate)
        {
            ours[(LocalCluster.WorkerName(worker), pid)] = (struck, DateTimeOffset.Now);
            foreach (var planned in waiting.Where(planned => planned.Kind == struck && planned.Workers.Contains(worker)).ToArray())
                HasStruck(planned);
        }
    }

    /// <summary>Carries out what is due. Called again and again.</summary>
    public void Observe(RunData data, IKillTargets targets)
    {
        if (data.Job is not { Phase: "running" } || data.SiloAway is not null)
            return;
        var done = data.Steps.Count == 0 ? 0 : data.Steps[^1].Step;
        lock (gate)
        {
            var due = waiting.FirstOrDefault(kill => kill.Step <= done && kill.Kind is KillKind.Workers or KillKind.Silo);
            if (due is null || !AreUp(due.Silos, data))
                return;
            if (due.Kind == KillKind.Silo)
            {
                HasStruck(due);
                foreach (var silo in due.Silos)
                {
                    if (targets.KillSilo(silo) is { } hit)
                        Note(hit.Name, hit.Pid, KillKind.Silo);
                }

                return;
            }

            // A process that was killed a moment ago may look alive still. Who is in step is the job's word: a worker whose silo died has
            // to find another one before its own word is heard again, and training does not wait for that.
            var ready = data.Children.Where(child => child.Phase == ChildPhase.Ready).Select(child => child.Name).ToHashSet();
            var training = data.Job.Members.Where(member => member.State == "training").Select(member => member.Gpu.Node.Value)
                .Where(ready.Contains).ToHashSet();
            var holders = WorkerRows.Build(data)
                .Where(worker => worker.Pid is { } pid
                    && (worker is { Connected: true, Applied: not null } || training.Contains(worker.Name))
                    && !ours.ContainsKey((worker.Name, pid)))
                .Select(worker => worker.Name)
                .ToImmutableHashSet();
            var victims = due.Workers.Select(LocalCluster.WorkerName).ToArray();
            if (holders.Except(victims).IsEmpty || !holders.IsSupersetOf(victims))
                return;
            HasStruck(due);
            foreach (var worker in due.Workers)
                Note(LocalCluster.WorkerName(worker), targets.KillWorker(worker), KillKind.Workers);
        }
    }

    /// <summary>Every SIGKILL that the processes died of, with whose it was.</summary>
    public IReadOnlyList<KillRecord> Deaths(IEnumerable<ChildNote> notes)
    {
        lock (gate)
        {
            return
            [
                .. notes.Where(note => note.Exit is { Killed: true }).Select(note =>
                    ours.TryGetValue((note.Child, note.Pid), out var planned)
                        ? new KillRecord(planned.Time, planned.Kind, note.Child, note.Pid)
                        : new KillRecord(note.Time, null, note.Child, note.Pid)),
            ];
        }
    }

    /// <summary>No worker begins a step behind the blow before it has struck.</summary>
    private FaultRule Hold(PlannedKill kill) =>
        new(
            FaultAction.Hold,
            FaultPoint.Compute,
            kill.Step + (kill.Kind == KillKind.Collective ? RoomForCollective : 1))
        { File = FileOf(kill) };

    private string FileOf(PlannedKill kill) => Path.Combine(folder, $"{kill.Kind}-{kill.Step}-struck".ToLowerInvariant());

    private void HasStruck(PlannedKill kill)
    {
        waiting.Remove(kill);
        PrivateFiles.Touch(FileOf(kill));
    }

    /// <summary>
    /// A silo that is still coming back from its last death cannot die again. Of a cluster that is not ours nothing is known.
    /// </summary>
    private static bool AreUp(IReadOnlyList<int> silos, RunData data)
    {
        var children = data.Children.Where(child => LocalCluster.IsSilo(child.Name)).ToArray();
        return children.Length == 0 || silos.All(silo => children[silo].Phase == ChildPhase.Ready);
    }

    private void Note(string process, int? pid, KillKind kind)
    {
        if (pid is { } killed)
            ours[(process, killed)] = (kind, DateTimeOffset.Now);
    }
}
