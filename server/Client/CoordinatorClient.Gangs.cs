using System.Globalization;
using System.Net.Http.Json;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Server.Api;

namespace Coordinator.Server.Client;

/// <content>Gangs: programs of others on whole nodes.</content>
public sealed partial class CoordinatorClient
{
    /// <summary>Submits a gang. With an id, a repeat after a lost answer finds the one that the first one made.</summary>
    public async Task<SubmittedBody> SubmitGangAsync(GangSpec spec, JobId? id = null, CancellationToken cancel = default)
    {
        using var content = JsonContent.Create(spec, MachinesJson.Default.GangSpec);
        return await SendAsync(
            HttpMethod.Post,
            id is null ? "gangs" : $"gangs?id={Escape(id.Value.Value)}",
            content,
            ApiJson.Default.SubmittedBody,
            cancel).ConfigureAwait(false);
    }

    /// <summary>A gang, or null.</summary>
    public Task<GangView?> GetGangAsync(JobId gang, CancellationToken cancel = default) =>
        FindAsync($"gangs/{Escape(gang.Value)}", MachinesJson.Default.GangView, cancel);

    /// <summary>All gangs, by id.</summary>
    public async Task<IReadOnlyList<GangView>> GetGangsAsync(CancellationToken cancel = default) =>
        (await GetAsync("gangs?limit=10000", ApiJson.Default.GangsBody, cancel).ConfigureAwait(false)).Items;

    /// <summary>Asks a gang to end in order; the wish is durable when this returns.</summary>
    public async Task CancelGangAsync(JobId gang, string reason, CancellationToken cancel = default) =>
        await ChangeAsync(
            HttpMethod.Post,
            $"gangs/{Escape(gang.Value)}/cancel?reason={Escape(reason)}",
            null,
            ApiJson.Default.SubmittedBody,
            cancel).ConfigureAwait(false);

    /// <summary>A piece of the log of a gang's rank; null: there is no such rank now, or no such gang.</summary>
    /// <param name="gang">The gang.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="generation">The generation; null: the newest.</param>
    /// <param name="from">The place in the log; below 0: so many bytes before its end.</param>
    /// <param name="node">The node that has it; null: the one that the rank is on.</param>
    /// <param name="cancel">Ends the wait.</param>
    public Task<LogBody?> GetGangLogAsync(
        JobId gang, int rank, long? generation, long from, NodeId? node = null, CancellationToken cancel = default) =>
        FindAsync($"gangs/{Escape(gang.Value)}/logs?{LogQuery(rank, generation, from, node)}", ApiJson.Default.LogBody, cancel);

    /// <summary>A piece of what the program of a training job's rank said; null: there is no such rank now, or no such job.</summary>
    /// <param name="job">The job.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="start">Which start of the program on its gpu, from 1; null: the newest.</param>
    /// <param name="from">The place in the log; below 0: so many bytes before its end.</param>
    /// <param name="node">The node that has it; null: the one that the rank is on.</param>
    /// <param name="gpu">The gpu there; null: the rank's, or the node's first.</param>
    /// <param name="cancel">Ends the wait.</param>
    public Task<LogBody?> GetJobLogAsync(
        JobId job, int rank, long? start, long from, NodeId? node = null, int? gpu = null, CancellationToken cancel = default)
    {
        var place = gpu is null ? "" : string.Create(CultureInfo.InvariantCulture, $"&gpu={gpu}");
        return FindAsync(
            $"jobs/{Escape(job.Value)}/logs?{LogQuery(rank, start, from, node)}{place}", ApiJson.Default.LogBody, cancel);
    }

    private static string LogQuery(int rank, long? generation, long from, NodeId? node) => string.Create(
        CultureInfo.InvariantCulture,
        $"rank={rank}&from={from}{(generation is null ? "" : $"&generation={generation}")}")
        + (node is null ? "" : $"&node={Escape(node.Value.Value)}");
}
