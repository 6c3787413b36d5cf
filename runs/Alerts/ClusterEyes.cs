using Coordinator.Machines;
using Coordinator.Server.Client;

namespace Coordinator.Runs.Alerts;

/// <summary>Looks at a cluster through the HTTP API of its silos, each of which is asked by itself whether it is well.</summary>
/// <param name="cluster">A client of all silos.</param>
/// <param name="silos">A client of each.</param>
public sealed class ClusterEyes(CoordinatorClient cluster, IReadOnlyList<CoordinatorClient> silos)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private const int PageSize = 10_000;
    private long? after;

    /// <summary>One look. It never fails: what could not be seen is left out, and said where a silo does not answer.</summary>
    /// <param name="since">How far the first look goes back in stored events.</param>
    /// <param name="now">Time.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task<ClusterLook> LookAsync(TimeSpan since, DateTimeOffset now, CancellationToken cancel)
    {
        // Beside each other: one that is frozen takes its time, and there may be many.
        var said = await Task.WhenAll(silos.Select(silo => HealthAsync(silo, cancel)));
        var look = new ClusterLook
        {
            Lost = said.Where(silo => silo.Away is not null).ToDictionary(silo => silo.Url, silo => silo.Away!),
            Unwell = said.Where(silo => silo.Problem is not null).ToDictionary(silo => silo.Url, silo => silo.Problem!),
        };
        try
        {
            look = look with
            {
                Jobs = await AskAsync(cluster.GetJobsAsync, cancel),
                Gangs = await AskAsync(cluster.GetGangsAsync, cancel),
                Power = await AskAsync(cluster.GetPowerAsync, cancel),
                FreeGpus = (await AskAsync(cluster.GetClusterAsync, cancel))?.Nodes.Where(node => node.Up).Sum(node => node.Free),
            };
            return look with { Events = await EventsAsync(since, now, cancel) };
        }
        catch (CoordinatorApiException)
        {
            return look;
        }
    }

    private static async Task<(string Url, string? Away, string? Problem)> HealthAsync(CoordinatorClient silo, CancellationToken cancel)
    {
        try
        {
            return (silo.Url, null, await AskAsync(silo.GetProblemAsync, cancel));
        }
        catch (CoordinatorApiException away)
        {
            return (silo.Url, away.Message, null);
        }
    }

    private async Task<IReadOnlyList<(DateTimeOffset, CoordinatorEvent)>> EventsAsync(
        TimeSpan since, DateTimeOffset now, CancellationToken cancel)
    {
        var isFirst = after is null;
        List<(DateTimeOffset At, CoordinatorEvent Event)> events = [];
        while (true)
        {
            var page = await AskAsync(
                stop => cluster.GetEventsAsync(null, after ?? 0, PageSize, newest: after is null, cancel: stop), cancel);
            after = page.Next;
            events.AddRange(page.Items.Select(stored => (stored.Time, stored.Event)));
            if (page.Items.Count < PageSize || isFirst)
                break;
        }

        // What ended before anybody looked is told to nobody; what counts by the hour does.
        return isFirst
            ? [.. events.Where(one => now - one.At <= since && one.Event.Kind != EventKinds.JobFailed)]
            : events;
    }

    private static async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            return await ask(patience.Token);
        }
        catch (OperationCanceledException late) when (!cancel.IsCancellationRequested)
        {
            throw new CoordinatorApiException($"no answer within {Patience.TotalSeconds:0} s", "See whether its process is frozen.", late);
        }
    }
}
