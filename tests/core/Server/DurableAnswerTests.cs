using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Cli.Commands;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>What is answered as done is durable: the grain's own turn says so, and neither a view nor an event does.</summary>
public sealed class DurableAnswerTests : IAsyncLifetime
{
    private static readonly JobId Job = new("train-1");
    private static readonly Task Never = new TaskCompletionSource().Task;
    private TimeSpan patience = TimeSpan.FromMilliseconds(1);
    private TestServer server = null!;
    private HttpClient http = null!;

    public async Task InitializeAsync()
    {
        server = await TestServer.StartAsync(options => options with { SubmitTimeout = patience });
        http = server.Friend();
    }

    public async Task DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_job_that_shows_itself_and_has_an_event_is_not_promised_before_its_turn_is_durable()
    {
        server.AcceptJobs();
        server.Grains.OnDeliver = _ => Never;
        Assert.Equal(HttpStatusCode.Accepted, await Send(HttpMethod.Post, $"jobs?id={Job}", "{}"));
        Assert.NotNull(await server.Client.GetJobAsync(Job));
        Assert.NotEmpty((await server.Client.GetEventsAsync(Job)).Items);

        server.Grains.OnDeliver = null;
        Assert.Equal(HttpStatusCode.Created, await Send(HttpMethod.Post, "jobs?id=train-2", "{}"));
    }

    [Fact]
    public async Task A_mark_is_promised_once_it_is_durable()
    {
        var gpu = new GpuId(new NodeId("n1"), 0);
        server.Grains.Show(new ClusterView([new ClusterNodeView(gpu.Node, true, 1, 1, "cpu")], []));
        server.Grains.Show(GrainAddress.Of(gpu), $"{{\"id\":\"{gpu}\",\"health\":\"healthy\",\"reason\":\"\",\"faults\":0}}");
        server.Grains.OnDeliver = _ => Never;
        const string bad = "{\"health\":\"bad\",\"reason\":\"a smell\",\"by\":\"ann\"}";
        Assert.Equal(HttpStatusCode.Accepted, await Send(HttpMethod.Post, "gpus/n1/0/mark", bad));

        server.Grains.OnDeliver = null;
        Assert.Equal(HttpStatusCode.OK, await Send(HttpMethod.Post, "gpus/n1/0/mark", bad));
        Assert.Equal(HttpStatusCode.NotFound, await Send(HttpMethod.Post, "gpus/n1/1/mark", bad));
        Assert.Equal(HttpStatusCode.BadRequest, await Send(HttpMethod.Post, "gpus/n1/0/mark", bad.Replace("bad", "ill")));
        Assert.Equal(HttpStatusCode.BadRequest, await Send(HttpMethod.Post, "gpus/n1/0/mark", "{\"health\":\"bad\"}"));
    }

    [Fact]
    public async Task A_repetition_is_told_that_its_job_exists_only_when_that_is_durable()
    {
        server.AcceptJobs();
        server.Grains.OnDeliver = _ => Never;
        Assert.Equal(HttpStatusCode.Accepted, await Send(HttpMethod.Post, $"jobs?id={Job}", "{}"));
        Assert.Equal(HttpStatusCode.Accepted, await Send(HttpMethod.Post, $"jobs?id={Job}", "{}"));

        server.Grains.OnDeliver = null;
        Assert.Equal(HttpStatusCode.OK, await Send(HttpMethod.Post, $"jobs?id={Job}", "{}"));
    }

    [Fact]
    public async Task A_submission_that_was_lost_with_its_silo_is_left_again()
    {
        patience = TimeSpan.FromMinutes(1);
        await DisposeAsync();
        await InitializeAsync();
        server.AcceptJobs();
        var tries = 0;
        server.Grains.OnDeliver = _ => ++tries < 3 ? Task.FromException(new GrainsAwayException("Job train-1")) : Task.CompletedTask;
        Assert.Equal(HttpStatusCode.Created, await Send(HttpMethod.Post, $"jobs?id={Job}", "{}"));
        Assert.Equal(3, tries);
    }

    [Fact]
    public async Task A_submission_that_is_lost_each_time_is_not_taken_in()
    {
        server.Grains.OnDeliver = _ => Task.FromException(new GrainsAwayException("Job train-1"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await Send(HttpMethod.Post, $"jobs?id={Job}", "{}"));
    }

    [Fact]
    public async Task A_cancellation_is_done_when_it_is_durable_and_may_be_repeated()
    {
        await Show("running", "");
        server.Grains.OnDeliver = _ => Never;
        Assert.Equal(HttpStatusCode.Accepted, await Send(HttpMethod.Post, $"jobs/{Job}/cancel?reason=enough"));

        server.Grains.OnDeliver = _ => Show("failed", new CancelJob("enough").ReasonOfJob);
        Assert.Equal(HttpStatusCode.OK, await Send(HttpMethod.Post, $"jobs/{Job}/cancel?reason=enough"));
        Assert.Equal(HttpStatusCode.OK, await Send(HttpMethod.Post, $"jobs/{Job}/cancel?reason=enough"));

        await Show("failed", "a device computed wrongly");
        server.Grains.OnDeliver = null;
        Assert.Equal(HttpStatusCode.Conflict, await Send(HttpMethod.Post, $"jobs/{Job}/cancel?reason=enough"));
    }

    [Fact]
    public async Task A_checkpoint_is_asked_for_once_the_job_has_heard_it()
    {
        await Show("running", "");
        Assert.Equal(HttpStatusCode.Accepted, await Send(HttpMethod.Post, $"jobs/{Job}/checkpoint"));
        server.Grains.OnDeliver = _ => Task.FromException(new GrainsAwayException("Job train-1"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await Send(HttpMethod.Post, $"jobs/{Job}/checkpoint"));
    }

    [Fact]
    public async Task A_worker_brings_its_model_again_until_the_job_has_it_durably()
    {
        await Show("running", "");
        server.Grains.OnDeliver = _ => Never;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await PutModel());

        server.Grains.OnDeliver = null;
        Assert.Equal(HttpStatusCode.OK, await PutModel());
    }

    [Theory]
    [InlineData("POST", "power/cap?watts=7", "", EventKinds.PowerChanged)]
    [InlineData("PUT", "power", "{\"wattsPerGpu\":500}", EventKinds.PowerChanged)]
    [InlineData("PUT", "cooling/hall-a", "{\"nodes\":[\"a-*\"],\"capacityWatts\":5000000}", EventKinds.CoolingChanged)]
    public async Task Nobodys_event_is_taken_for_ones_own_change(string method, string path, string body, string kind)
    {
        // Somebody else's change is stored while this one waits.
        server.Grains.OnPost = (_, _) => server.Store.Append(new CoordinatorEvent { Kind = kind });
        server.Grains.OnDeliver = _ => Never;
        Assert.Equal(HttpStatusCode.Accepted, await Send(new HttpMethod(method), path, body));

        server.Grains.OnDeliver = null;
        Assert.Equal(HttpStatusCode.OK, await Send(new HttpMethod(method), path, body));
    }

    [Theory]
    [InlineData("cancel")]
    [InlineData("cap")]
    [InlineData("settings")]
    [InlineData("clear")]
    [InlineData("approval")]
    [InlineData("zone")]
    public async Task A_client_asks_again_for_what_is_taken_and_not_stored_and_says_in_the_end_that_it_is_not(string change)
    {
        await Show("running", "");
        var tries = 0;
        server.Grains.OnDeliver = _ => ++tries < 3 ? Never : Task.CompletedTask;
        await Make(server.Client);
        Assert.Equal(3, tries);

        server.Grains.OnDeliver = _ => Never;
        using var hasty = new CoordinatorClient(server.Server.Url, TestServer.Token) { StoragePatience = TimeSpan.Zero };
        var unconfirmed = await Assert.ThrowsAsync<CoordinatorApiException>(() => Make(hasty));
        Assert.Equal(HttpStatusCode.Accepted, unconfirmed.Status);
        Assert.Equal(ExitCodes.Unfinished, CommandLine.CodeOf(unconfirmed));

        Task Make(CoordinatorClient client) => change switch
        {
            "cancel" => client.CancelJobAsync(Job, "enough"),
            "cap" => client.SetSiteCapAsync(7),
            "settings" => client.SetPowerAsync(new JsonObject { ["wattsPerGpu"] = 500 }),
            "clear" => client.ClearPowerAsync(),
            "approval" => client.ApprovePowerAsync(true, "letter"),
            _ => client.SetCoolingZoneAsync(new CoolingZone("hall-a", ["a-*"], 5_000_000)),
        };
    }

    [Fact]
    public async Task That_a_zone_is_not_there_is_said_behind_the_turn_that_may_have_ended_it()
    {
        server.Grains.OnDeliver = _ => Never;
        Assert.Equal(HttpStatusCode.Accepted, await Send(HttpMethod.Delete, "cooling/hall-a"));

        server.Grains.OnDeliver = null;
        Assert.Equal(HttpStatusCode.NotFound, await Send(HttpMethod.Delete, "cooling/hall-a"));
    }

    private Task Show(string phase, string reason)
    {
        server.Grains.Show(new JobView { Id = Job, Phase = phase, Reason = reason, Spec = new JobSpec() });
        return Task.CompletedTask;
    }

    private async Task<HttpStatusCode> Send(HttpMethod method, string path, string body = "")
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(method, new Uri($"/api/v1/{path}", UriKind.Relative)) { Content = content };
        using var answer = await http.SendAsync(request);
        return answer.StatusCode;
    }

    private async Task<HttpStatusCode> PutModel()
    {
        byte[] model = [1, 2, 3];
        using var request = new HttpRequestMessage(
            HttpMethod.Put, new Uri($"/api/v1/jobs/{Job}/model", UriKind.Relative))
        { Content = new ByteArrayContent(model) };
        request.Headers.Add("X-Content-SHA256", Convert.ToHexStringLower(SHA256.HashData(model)));
        using var answer = await http.SendAsync(request);
        return answer.StatusCode;
    }
}
