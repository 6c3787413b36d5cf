using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Processes;

namespace Coordinator.Worker.Gangs;

/// <summary>All gangs' agents of a node, and the logs of what its programs said.</summary>
public sealed class NodeGangs : IDisposable
{
    private readonly WorkerOptions options;
    private readonly GangServices services;
    private readonly IWorkerLog log;
    private readonly Action<WorkerMessage> tell;
    private readonly Dictionary<JobId, GangHost> gangs = [];
    private readonly Dictionary<JobId, (long Incarnation, long Generation)> forgotten = [];
    private readonly Lock gate = new();
    private bool disposed;

    /// <summary>No agents yet. <paramref name="tell"/> must not block.</summary>
    public NodeGangs(WorkerOptions options, GangServices services, IWorkerLog log, Action<WorkerMessage> tell) =>
        (this.options, this.services, this.log, this.tell) = (options, services, log, tell);

    /// <summary>Does what the silo says, where it concerns gangs or logs.</summary>
    /// <returns>Whether it did.</returns>
    public bool Handle(CoordinatorMessage message)
    {
        switch (message)
        {
            case GangOrdered { Order: var order }:
                if (order.Seat is { } seat && seat.Gpus.Any(gpu => gpu < 0 || gpu >= options.Gpus.Count))
                    log.Warn($"{order.Job}: refused an order for gpus that this worker does not have");
                else
                    HostOf(order.Job)?.Take(new AgentOrdered(order));
                return true;
            case LogAsked { Question: var question }:
                _ = Task.Run(() => Answer(question));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Ends all processes in order; ends when none is left.</summary>
    public Task LeaveAsync(string reason)
    {
        lock (gate)
            return Task.WhenAll(gangs.Values.Select(gang => gang.LeaveAsync(reason)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            foreach (var gang in gangs.Values)
                gang.Dispose();
            gangs.Clear();
        }
    }

    private GangHost? HostOf(JobId job)
    {
        lock (gate)
        {
            if (disposed)
                return null;
            if (!gangs.TryGetValue(job, out var host))
                gangs.Add(job, host = new GangHost(job, forgotten.GetValueOrDefault(job), options, services, log, tell, Forget));
            return host;
        }
    }

    private void Forget(GangHost gang)
    {
        lock (gate)
        {
            forgotten[gang.Job] = gang.Obeyed;
            if (gangs.GetValueOrDefault(gang.Job) == gang)
                gangs.Remove(gang.Job);
        }

        gang.Dispose();
    }

    private void Answer(LogQuestion question)
    {
        try
        {
            var newest = (question.Gpu is { } index
                ? services.Folders.NewestStart(question.Job, index) : services.Folders.NewestLog(question.Job, question.Rank)) ?? 0;
            var generation = question.Generation > 0 ? question.Generation : newest;
            var piece = RankLogFiles.Read(
                services.Folders.LogsOf(question.Job),
                question.Gpu is { } gpu ? ProgramFolders.StartLogName(gpu, generation) : ProgramFolders.LogName(generation, question.Rank),
                question.From,
                Math.Clamp(question.MostBytes, 1, LogRead.MostBytes));
            tell(new LogRead
            {
                Id = question.Id,
                Found = piece is not null,
                Generation = generation,
                Newest = newest,
                From = piece?.From ?? 0,
                End = piece?.End ?? 0,
                Bytes = Convert.ToBase64String(piece?.Bytes ?? []),
            });
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            tell(new LogRead { Id = question.Id, Found = false });
        }
    }
}
