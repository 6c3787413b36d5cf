using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

public sealed class ApiTests : IAsyncLifetime
{
    private static readonly JobId Job = new("train-1");
    private string? problem;
    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.StartAsync(options => options with
    {
        MaxDataBytes = 1000,
        Problem = () => problem,
        ValidateJob = spec =>
            spec.Ranks > spec.Training.Shards ? [new JobProblem("more ranks than shards", "ranks", "Ask for fewer.")] : [],
    });

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task Health_is_told_without_a_token()
    {
        using var stranger = server.Stranger();
        Assert.Equal(HttpStatusCode.OK, (await stranger.GetAsync(new Uri("/healthz", UriKind.Relative))).StatusCode);

        problem = "storage does not answer";
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await stranger.GetAsync(new Uri("/healthz", UriKind.Relative))).StatusCode);
        Assert.False(await server.Client.IsHealthyAsync());
    }

    [Fact]
    public async Task A_submitted_job_gets_a_readable_id_and_a_secret_that_nobody_is_shown()
    {
        server.AcceptJobs();
        var submitted = await server.Client.SubmitAsync(new JobSpec { Name = "My Run!" });

        Assert.Matches("^my-run-[0-9a-f]{6}$", submitted.Id.Value);
        Assert.Equal(32, Convert.FromBase64String((await server.Grains.NextAsync<SubmitJob>()).Spec.Secret).Length);
        Assert.Equal("", (await server.Client.GetJobAsync(submitted.Id))!.Spec.Secret);
        Assert.Equal("", Assert.Single(await server.Client.GetJobsAsync()).Spec.Secret);
    }

    [Fact]
    public async Task What_a_job_spec_leaves_out_has_its_default()
    {
        server.AcceptJobs();
        using var friend = server.Friend();
        using var content = new StringContent("{\"apiVersion\":\"v1\",\"training\":{\"steps\":5}}", Encoding.UTF8, "application/json");
        using var answer = await friend.PostAsync(new Uri("/api/v1/jobs", UriKind.Relative), content);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var submitted = (await server.Grains.NextAsync<SubmitJob>()).Spec;
        Assert.Equal(new JobSpec { Training = new TrainingSpec { Steps = 5 } }, submitted with { Secret = "" });
    }

    [Fact]
    public async Task A_submission_that_comes_again_with_its_id_finds_its_job()
    {
        server.AcceptJobs();
        Assert.False((await server.Client.SubmitAsync(new JobSpec(), Job)).Existed);

        Assert.True((await server.Client.SubmitAsync(new JobSpec(), Job)).Existed);
        var refusal = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.SubmitAsync(new JobSpec { Ranks = 2 }, Job));
        Assert.Equal(HttpStatusCode.Conflict, refusal.Status);
        Assert.Equal(new JobSpec(), (await server.Client.GetJobAsync(Job))!.Spec);
    }

    [Fact]
    public async Task A_job_that_cannot_run_is_refused_with_all_that_is_wrong()
    {
        var refusal = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.SubmitAsync(new JobSpec { Ranks = 8 }));

        Assert.Equal(HttpStatusCode.BadRequest, refusal.Status);
        Assert.Equal([new JobProblem("more ranks than shards", "ranks", "Ask for fewer.")], refusal.Problems);
        Assert.Equal(0, server.Grains.Untaken);
    }

    [Fact]
    public async Task Cancelling_tells_the_job_unless_it_has_ended()
    {
        server.Grains.Show(View("running"));
        await server.Client.CancelJobAsync(Job, "enough");
        Assert.Equal("enough", (await server.Grains.NextAsync<CancelJob>()).Reason);

        server.Grains.Show(View("finished"));
        var refusal = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.CancelJobAsync(Job, "enough"));
        Assert.Equal(HttpStatusCode.Conflict, refusal.Status);
    }

    [Fact]
    public async Task A_long_poll_ends_with_the_first_event()
    {
        var poll = server.Client.GetEventsAsync(Job, wait: TimeSpan.FromSeconds(30));
        server.Store.Append(new CoordinatorEvent { Kind = "other", Job = new JobId("other") });
        server.Store.Append(new CoordinatorEvent { Kind = "mine", Job = Job });

        var page = await poll;
        Assert.Equal("mine", Assert.Single(page.Items).Event.Kind);
        Assert.Equal(2, page.Next);
        Assert.Empty((await server.Client.GetEventsAsync(Job, page.Next)).Items);
    }

    [Fact]
    public async Task A_long_poll_ends_when_the_silo_stops()
    {
        var poll = server.Client.GetEventsAsync(Job, wait: TimeSpan.FromSeconds(30));
        await server.Client.GetInfoAsync();
        await server.Server.StopAsync();

        // It was answered, or it had not arrived yet: what it must not do is keep the silo from stopping.
        await Task.WhenAny(poll).WaitAsync(TimeSpan.FromSeconds(10));
        if (poll.IsCompletedSuccessfully)
            Assert.Empty((await poll).Items);
        else
            await Assert.ThrowsAsync<CoordinatorApiException>(() => poll);
    }

    [Fact]
    public async Task Steps_are_read_page_by_page()
    {
        server.Store.Commit(1, [new(DateTimeOffset.UnixEpoch) { Observations = [
            new ObserveSteps(Job, 1, [.. Enumerable.Range(1, 5).Select(step => new StepRecord(step, 1, 1.0 / step, 1, 1, 64))])
        ] }]);

        var first = await server.Client.GetStepsAsync(Job, limit: 3);
        var second = await server.Client.GetStepsAsync(Job, first.Next, limit: 3);
        Assert.Equal([1, 2, 3, 4, 5], first.Items.Concat(second.Items).Select(step => step.Step.Step));
    }

    [Fact]
    public async Task A_model_is_stored_once_and_the_job_told_each_time()
    {
        server.Grains.Show(View("running"));
        var (path, sha256) = MakeFile("model", 5000);
        Assert.False((await server.Client.UploadModelAsync(Job, path, sha256)).Existed);
        Assert.Equal(new ModelStored(sha256, 5000), await server.Grains.NextAsync<ModelStored>());

        Assert.True((await server.Client.UploadModelAsync(Job, path, sha256)).Existed);
        Assert.Equal(new ModelStored(sha256, 5000), await server.Grains.NextAsync<ModelStored>());
        Assert.True(await server.Client.DownloadModelAsync(Job, server.Folder.File("copy")));
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(server.Folder.File("copy")));
    }

    [Fact]
    public async Task A_model_whose_hash_is_not_the_announced_one_is_refused_and_leaves_nothing()
    {
        server.Grains.Show(View("running"));
        var (path, _) = MakeFile("model", 5000);
        var refusal = await Assert.ThrowsAsync<CoordinatorApiException>(
            () => server.Client.UploadModelAsync(Job, path, new string('0', 64)));

        Assert.Equal(HttpStatusCode.UnprocessableEntity, refusal.Status);
        Assert.Equal(0, server.Grains.Untaken);
        Assert.Empty(Directory.GetFiles(server.Folder.File("models")));
    }

    [Fact]
    public async Task A_second_model_of_a_job_that_differs_from_the_first_is_refused()
    {
        server.Grains.Show(View("running"));
        var (first, firstHash) = MakeFile("first", 5000);
        var (second, secondHash) = MakeFile("second", 5001);
        await server.Client.UploadModelAsync(Job, first, firstHash);

        var refusal = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.UploadModelAsync(Job, second, secondHash));
        Assert.Equal(HttpStatusCode.Conflict, refusal.Status);
    }

    [Fact]
    public async Task A_model_for_a_job_that_does_not_exist_is_refused()
    {
        var (path, sha256) = MakeFile("model", 10);
        var refusal = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.UploadModelAsync(Job, path, sha256));

        Assert.Equal(HttpStatusCode.NotFound, refusal.Status);
    }

    [Fact]
    public async Task A_data_set_is_stored_under_its_hash_and_comes_back_whole()
    {
        var (path, sha256) = MakeFile("data", 1000);
        Assert.False(await server.Client.HasDataAsync(sha256));
        Assert.False(await server.Client.DownloadDataAsync(sha256, server.Folder.File("copy")));

        await server.Client.UploadDataAsync(path, sha256);
        await server.Client.UploadDataAsync(path, sha256);
        Assert.True(await server.Client.DownloadDataAsync(sha256, server.Folder.File("copy")));
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(server.Folder.File("copy")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_data_set_above_the_limit_is_refused(bool chunked)
    {
        var (path, sha256) = MakeFile("data", 1001);
        using var friend = server.Friend();
        using var request = new HttpRequestMessage(
            HttpMethod.Put, $"/api/v1/data/{sha256}")
        { Content = new ByteArrayContent(File.ReadAllBytes(path)) };
        request.Headers.TransferEncodingChunked = chunked;
        using var answer = await friend.SendAsync(request);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Empty(Directory.GetFiles(server.Folder.File("data")));
    }

    [Fact]
    public async Task A_silo_says_what_it_is()
    {
        var info = await server.Client.GetInfoAsync();

        Assert.Equal(
            ("silo", "fake", Hello.CurrentProtocol, Environment.ProcessId), (info.Silo, info.Engine, info.Protocol, info.ProcessId));
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        var port = new Uri(server.Server.Url).Port;
        var refusal = await Assert.ThrowsAsync<PortInUseException>(
            () => TestServer.StartAsync(options => options with { Url = server.Server.Url }));

        Assert.Equal(port, refusal.Port);
    }

    [Theory]
    [InlineData("127.0.0.1:7070")]
    [InlineData("http://example.com:1")]
    [InlineData("ftp://127.0.0.1:1")]
    [InlineData("http://127.0.0.1:1/path")]
    public void An_address_that_cannot_be_listened_on_is_refused(string url) =>
        Assert.Throws<FormatException>(() => ListenAddress.Parse(url));

    [Fact]
    public async Task A_silo_that_does_not_answer_is_said_not_to()
    {
        using var client = new CoordinatorClient(server.Server.Url, TestServer.Token);
        await server.Server.StopAsync();

        var failure = await Assert.ThrowsAsync<CoordinatorApiException>(() => client.GetInfoAsync());
        Assert.Null(failure.Status);
        Assert.True(failure.MayRepeat);
    }

    [Fact]
    public void A_token_is_drawn_once_and_readable_by_its_user_alone()
    {
        var path = server.Folder.File("sub/token");
        var token = SiloToken.LoadOrCreate(path);

        Assert.Equal(64, token.Length);
        Assert.Equal(token, SiloToken.LoadOrCreate(path));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_token_file_without_a_token_is_refused()
    {
        File.WriteAllText(server.Folder.File("token"), "\n");

        Assert.Throws<InvalidDataException>(() => SiloToken.LoadOrCreate(server.Folder.File("token")));
    }

    private static JobView View(string phase) => new() { Id = Job, Phase = phase, Spec = new JobSpec { Secret = "must not be shown" } };

    private (string Path, string Sha256) MakeFile(string name, int bytes)
    {
        var content = new byte[bytes];
        Array.Fill(content, (byte)bytes);
        var path = server.Folder.File(name + ".file");
        File.WriteAllBytes(path, content);
        return (path, Convert.ToHexStringLower(SHA256.HashData(content)));
    }
}
