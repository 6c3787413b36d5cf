using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;

namespace Coordinator.Server.Client;

/// <summary>
/// A silo's HTTP API, typed. Members throw <see cref="CoordinatorApiException"/> where the silo refuses or cannot be reached;
/// those that look something up return null where it is not there. Every text of an answer is <see cref="PlainText"/>: what a stranger or
/// an older build
/// has brought into storage steers no terminal, whoever shows it. Thread-safe.
/// </summary>
public sealed partial class CoordinatorClient : IDisposable
{
    /// <summary>A silo that takes or gives no byte of a big file for so long is away: frozen, or its host is gone.</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan StoragePause = TimeSpan.FromMilliseconds(200);

    private static readonly JsonSerializerOptions Plain = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = JsonTypeInfoResolver.Combine(ApiJson.Default, MachinesJson.Default),
        Converters = { new PlainTextConverter(int.MaxValue) },
    };

    private readonly HttpClient http;

    /// <summary>
    /// A client of the silo at a URL such as <c>http://127.0.0.1:7070</c>, or of a cluster's silos, their URLs with commas between them:
    /// any one will do.
    /// </summary>
    /// <param name="urls">The URL, or the URLs.</param>
    /// <param name="token">Bearer token.</param>
    /// <param name="proxy">Proxy to go through; null: none, whatever the environment says.</param>
    public CoordinatorClient(string urls, string token, Uri? proxy = null)
    {
        var silos = urls.Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(url => new Uri(url)).ToArray();
        Url = urls.TrimEnd('/');
        http = new HttpClient(new SiloFailover(silos, proxy))
        {
            BaseAddress = new Uri(silos[0], "/api/v1/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>The silo's URL, or those of the cluster's silos with commas between them.</summary>
    public string Url { get; }

    /// <summary>
    /// How long a change is asked for that the silo has taken and its storage has not. Each answer with status 202 is followed by the same
    /// request, which changes nothing a second time. Default 30 s.
    /// </summary>
    public TimeSpan StoragePatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Submits a job. With an id, a repeat after a lost answer finds the job that the first one made.</summary>
    public async Task<SubmittedBody> SubmitAsync(JobSpec spec, JobId? id = null, CancellationToken cancel = default)
    {
        using var content = JsonContent.Create(spec, MachinesJson.Default.JobSpec);
        return await SendAsync(
            HttpMethod.Post,
            id is null ? "jobs" : $"jobs?id={Escape(id.Value.Value)}",
            content,
            ApiJson.Default.SubmittedBody,
            cancel).ConfigureAwait(false);
    }

    /// <summary>A job, or null.</summary>
    public Task<JobView?> GetJobAsync(JobId job, CancellationToken cancel = default) =>
        FindAsync($"jobs/{Escape(job.Value)}", MachinesJson.Default.JobView, cancel);

    /// <summary>All jobs, by id.</summary>
    public async Task<IReadOnlyList<JobView>> GetJobsAsync(CancellationToken cancel = default) =>
        (await GetAsync("jobs?limit=10000", ApiJson.Default.JobsBody, cancel).ConfigureAwait(false)).Items;

    /// <summary>Asks a job to end without a model; the wish is durable when this returns.</summary>
    public async Task CancelJobAsync(JobId job, string reason, CancellationToken cancel = default) =>
        await ChangeAsync(
            HttpMethod.Post,
            $"jobs/{Escape(job.Value)}/cancel?reason={Escape(reason)}",
            null,
            ApiJson.Default.SubmittedBody,
            cancel).ConfigureAwait(false);

    /// <summary>Asks a job to save a checkpoint now.</summary>
    public async Task SaveCheckpointAsync(JobId job, string reason, CancellationToken cancel = default) =>
        await SendAsync(
            HttpMethod.Post,
            $"jobs/{Escape(job.Value)}/checkpoint?reason={Escape(reason)}",
            null,
            ApiJson.Default.SubmittedBody,
            cancel).ConfigureAwait(false);

    /// <summary>Gives a job more steps or ranks; what is null stays. The same again is no error.</summary>
    /// <param name="job">The job.</param>
    /// <param name="steps">Steps that it is to have.</param>
    /// <param name="ranks">Ranks that it is to want.</param>
    /// <param name="workersEnded">Whether every process that was of the job has ended, so that none is waited for.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="CoordinatorApiException">It would be less than the job has, or the job cannot go on; nothing was
    /// changed.</exception>
    public async Task ExtendJobAsync(JobId job, long? steps, int? ranks, bool workersEnded = false, CancellationToken cancel = default)
    {
        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"{(steps is null ? "" : $"steps={steps}&")}{(ranks is null ? "" : $"ranks={ranks}&")}{(workersEnded ? "workersEnded=true" : "")}");
        await ChangeAsync(
            HttpMethod.Post,
            $"jobs/{Escape(job.Value)}/extend?{query.TrimEnd('&')}",
            null,
            ApiJson.Default.SubmittedBody,
            cancel).ConfigureAwait(false);
    }

    /// <summary>Events behind an ordinal.</summary>
    /// <param name="job">Only of this job; null: all.</param>
    /// <param name="after">Ordinal behind which to begin: <see cref="EventsBody.Next"/> of the last answer.</param>
    /// <param name="limit">At most so many, 1 to 10,000.</param>
    /// <param name="wait">How long the silo is to wait for a first one, up to a minute.</param>
    /// <param name="newest">Whether the limit takes the newest and not the oldest.</param>
    /// <param name="cancel">Ends the wait.</param>
    public Task<EventsBody> GetEventsAsync(
        JobId? job, long after = 0, int limit = 1000, TimeSpan wait = default, bool newest = false, CancellationToken cancel = default) =>
        GetAsync(
            $"{(job is null ? "" : $"jobs/{Escape(job.Value.Value)}/")}events?{Query(after, limit, wait)}&newest={(newest ? "true" : "false")}",
            ApiJson.Default.EventsBody,
            cancel);

    /// <summary>Applied steps of a job behind an ordinal, in the order in which they were recorded.</summary>
    public Task<StepsBody> GetStepsAsync(
        JobId job, long after = 0, int limit = 1000, TimeSpan wait = default, CancellationToken cancel = default) =>
        GetAsync($"jobs/{Escape(job.Value)}/steps?{Query(after, limit, wait)}", ApiJson.Default.StepsBody, cancel);

    /// <summary>The first 10,000 nodes, by id.</summary>
    public async Task<IReadOnlyList<NodeView>> GetNodesAsync(CancellationToken cancel = default) =>
        (await GetAsync("nodes?limit=10000", ApiJson.Default.NodesBody, cancel).ConfigureAwait(false)).Items;

    /// <summary>A node, or null.</summary>
    public Task<NodeView?> GetNodeAsync(NodeId node, CancellationToken cancel = default) =>
        FindAsync($"nodes/{Escape(node.Value)}", MachinesJson.Default.NodeView, cancel);

    /// <summary>The first 10,000 gpus, by id.</summary>
    public async Task<IReadOnlyList<GpuView>> GetGpusAsync(CancellationToken cancel = default) =>
        (await GetAsync("gpus?limit=10000", ApiJson.Default.GpusBody, cancel).ConfigureAwait(false)).Items;

    /// <summary>The cluster, or null before any node came.</summary>
    public Task<ClusterView?> GetClusterAsync(CancellationToken cancel = default) =>
        FindAsync("cluster", MachinesJson.Default.ClusterView, cancel);

    /// <summary>The site's power.</summary>
    public Task<PowerView> GetPowerAsync(CancellationToken cancel = default) => GetAsync("power", MachinesJson.Default.PowerView, cancel);

    /// <summary>Changes power settings: members that are given, in the API's names; a limit that is null is taken away.</summary>
    /// <returns>The power after that.</returns>
    public Task<PowerView> SetPowerAsync(JsonObject members, CancellationToken cancel = default) => ChangeAsync(
        HttpMethod.Put,
        "power",
        () => new StringContent(members.ToJsonString(), System.Text.Encoding.UTF8, "application/json"),
        MachinesJson.Default.PowerView,
        cancel);

    /// <summary>Takes all limits of power away.</summary>
    public Task<PowerView> ClearPowerAsync(CancellationToken cancel = default) =>
        ChangeAsync(HttpMethod.Delete, "power", null, MachinesJson.Default.PowerView, cancel);

    /// <summary>Sets what the site may draw, watts; null: no cap.</summary>
    public Task<PowerView> SetSiteCapAsync(long? watts, CancellationToken cancel = default) =>
        ChangeAsync(
            HttpMethod.Post,
            $"power/cap?watts={watts?.ToString(CultureInfo.InvariantCulture) ?? LimitsApi.None}",
            null,
            MachinesJson.Default.PowerView,
            cancel);

    /// <summary>Says that the utility has approved what is above the approval line, or does so no more.</summary>
    public Task<PowerView> ApprovePowerAsync(bool approved, string reason, CancellationToken cancel = default) =>
        ChangeAsync(
            HttpMethod.Post,
            $"power/approve?approved={(approved ? "true" : "false")}&reason={Escape(reason)}",
            null,
            MachinesJson.Default.PowerView,
            cancel);

    /// <summary>The cooling zones, by name.</summary>
    public async Task<IReadOnlyList<CoolingZoneView>> GetCoolingAsync(CancellationToken cancel = default) =>
        (await GetAsync("cooling", ApiJson.Default.CoolingBody, cancel).ConfigureAwait(false)).Items;

    /// <summary>Sets a cooling zone.</summary>
    /// <returns>The zones after that.</returns>
    public async Task<IReadOnlyList<CoolingZoneView>> SetCoolingZoneAsync(
        CoolingZone zone, CancellationToken cancel = default) => (await ChangeAsync(
        HttpMethod.Put, $"cooling/{Escape(zone.Name)}", () =>
            JsonContent.Create(zone, MachinesJson.Default.CoolingZone), ApiJson.Default.CoolingBody, cancel).ConfigureAwait(false)).Items;

    /// <summary>Takes a cooling zone away.</summary>
    /// <returns>The zones after that.</returns>
    public async Task<IReadOnlyList<CoolingZoneView>> ClearCoolingZoneAsync(string zone, CancellationToken cancel = default) =>
        (await ChangeAsync(HttpMethod.Delete, $"cooling/{Escape(zone)}", null, ApiJson.Default.CoolingBody, cancel)
            .ConfigureAwait(false)).Items;

    /// <summary>What the silo is.</summary>
    public Task<InfoBody> GetInfoAsync(CancellationToken cancel = default) => GetAsync("info", ApiJson.Default.InfoBody, cancel);

    /// <summary>Whether the silo answers and is well. Never throws for a silo that is not there.</summary>
    public async Task<bool> IsHealthyAsync(CancellationToken cancel = default)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(InfoApi.HealthPath, UriKind.Relative), cancel).ConfigureAwait(false);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Whether the silo is well by its own word.</summary>
    /// <returns>What is wrong with it; null: nothing.</returns>
    /// <exception cref="CoordinatorApiException">It does not answer.</exception>
    public async Task<string?> GetProblemAsync(CancellationToken cancel = default)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(InfoApi.HealthPath, UriKind.Relative), cancel).ConfigureAwait(false);
            if (answer.IsSuccessStatusCode)
                return null;
            var body = await answer.Content.ReadFromJsonAsync(ApiJson.Default.HealthBody, cancel).ConfigureAwait(false);
            return PlainText.Line(body?.Problem ?? $"it answers {(int)answer.StatusCode}", 500);
        }
        catch (HttpRequestException away)
        {
            throw Away(away);
        }
        catch (JsonException)
        {
            return "it answers with what no silo says";
        }
    }

    /// <summary>Whether the silo has a data set.</summary>
    public async Task<bool> HasDataAsync(string sha256, CancellationToken cancel = default)
    {
        using var answer = await RequestAsync(HttpMethod.Head, $"data/{sha256}", null, cancel).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.NotFound)
            return false;
        await ThrowIfRefusedAsync(answer, cancel).ConfigureAwait(false);
        return true;
    }

    /// <summary>Uploads a data set, unless the silo has it.</summary>
    public async Task UploadDataAsync(string path, string sha256, CancellationToken cancel = default)
    {
        if (await HasDataAsync(sha256, cancel).ConfigureAwait(false))
            return;
        await UploadAsync($"data/{sha256}", path, sha256, cancel).ConfigureAwait(false);
    }

    /// <summary>Downloads a data set to a file, behind what the file holds of it already; false: the silo has none.</summary>
    public Task<bool> DownloadDataAsync(string sha256, string path, CancellationToken cancel = default) =>
        DownloadAsync($"data/{sha256}", path, cancel);

    /// <summary>Uploads a job's final model.</summary>
    public Task<StoredFileBody> UploadModelAsync(JobId job, string path, string sha256, CancellationToken cancel = default) =>
        UploadAsync($"jobs/{Escape(job.Value)}/model", path, sha256, cancel);

    /// <summary>Downloads a job's final model to a file, behind what the file holds of it already; false: there is none.</summary>
    public Task<bool> DownloadModelAsync(JobId job, string path, CancellationToken cancel = default) =>
        DownloadAsync($"jobs/{Escape(job.Value)}/model", path, cancel);

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();
}
