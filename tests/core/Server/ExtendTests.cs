using System.Net;
using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Server.Client;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>A job is given more steps or ranks: durably, once, never less, and each of its lengths has a model of its own.</summary>
public sealed class ExtendTests : IAsyncLifetime
{
    private static readonly JobId Job = new("train-1");
    private static readonly JobSpec Spec = new() { Ranks = 2, Training = new TrainingSpec { Steps = 100 } };
    private TestServer server = null!;

    public async Task InitializeAsync() =>
        server = await TestServer.StartAsync(options => options with { SubmitTimeout = TimeSpan.FromMilliseconds(1) });

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task It_is_answered_as_done_when_it_is_durable_and_may_be_repeated()
    {
        await Show("running", Spec);
        server.Grains.OnDeliver = _ => new TaskCompletionSource().Task;
        using var http = server.Friend();
        using var taken = await http.PostAsync(new Uri($"/api/v1/jobs/{Job}/extend?steps=200", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.Accepted, taken.StatusCode);
        Assert.Equal(new ExtendJob(200, null), await server.Grains.NextAsync<ExtendJob>());

        server.Grains.OnDeliver = _ => Show("running", ExtensionPolicy.Apply(Spec, new ExtendJob(200, 4)));
        await server.Client.ExtendJobAsync(Job, 200, 4);
        await server.Client.ExtendJobAsync(Job, 200, 4);
    }

    [Theory]
    [InlineData("running", 99L, null, "training.steps is 99 but must be at least 100, what the job has")]
    [InlineData("running", null, 1, "job.ranks is 1 but must be at least 2, what the job has")]
    [InlineData("running", null, 5, "job.ranks is 5 but must be 1 to the number of shards, 4")]
    [InlineData("running", long.MaxValue, null, "training.steps is 9223372036854775807 but must be at most 576460752303423487 with this "
        + "batch size, for samples are counted with 63 bits")]
    [InlineData("failed", 200L, null, "training.steps is 200 but must be 100, since the job has failed (it broke)")]
    [InlineData("finished", null, 4, "job.ranks is 4 but must be 2, since the job has finished")]
    public async Task What_cannot_be_is_refused_with_the_reason_and_never_asked_of_the_job(
        string phase, long? steps, int? ranks, string why)
    {
        await Show(phase, Spec);
        var refused = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.ExtendJobAsync(Job, steps, ranks));
        Assert.Equal((HttpStatusCode.Conflict, why), (refused.Status!.Value, refused.Message));
        Assert.Equal(0, server.Grains.Untaken);
    }

    [Fact]
    public async Task A_finished_job_that_saves_no_checkpoints_has_nothing_to_go_on_from()
    {
        await Show("finished", Spec with { Checkpoint = new CheckpointSpec { Interval = "off" } });
        var refused = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.ExtendJobAsync(Job, 200, null));
        Assert.Contains("--steps 200 --lr_scheduler.decay_steps=100", refused.Remedy, StringComparison.Ordinal);

        await Show("finished", Spec);
        await server.Client.ExtendJobAsync(Job, 200, null);
        Assert.Equal(new ExtendJob(200, null), await server.Grains.NextAsync<ExtendJob>());
    }

    [Fact]
    public async Task One_that_another_overtook_is_told_what_there_is_now()
    {
        await Show("running", Spec);
        server.Grains.OnDeliver = _ => Show("running", ExtensionPolicy.Apply(Spec, new ExtendJob(300, null)));
        var refused = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.ExtendJobAsync(Job, 200, null));
        Assert.Equal("training.steps is 200 but must be at least 300, what the job has", refused.Message);
    }

    [Fact]
    public async Task No_job_and_nothing_asked_for_are_said()
    {
        Assert.Equal(
            HttpStatusCode.NotFound,
            (await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.ExtendJobAsync(Job, 200, null))).Status);
        await Show("running", Spec);
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.ExtendJobAsync(Job, null, null))).Status);
    }

    [Fact]
    public async Task A_submission_that_comes_again_finds_the_job_that_was_extended_since()
    {
        await Show("running", ExtensionPolicy.Apply(Spec, new ExtendJob(300, 4)), JobExtent.Of(Spec));
        Assert.True((await server.Client.SubmitAsync(Spec, Job)).Existed);
        var other = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.SubmitAsync(Spec with { Ranks = 3 }, Job));
        Assert.Equal(HttpStatusCode.Conflict, other.Status);
    }

    [Fact]
    public async Task The_model_of_an_earlier_last_step_stays_and_that_of_the_new_one_stands_beside_it()
    {
        await Show("running", Spec);
        await PutAsync(100, "short");
        Assert.Equal(100, (await server.Grains.NextAsync<ModelStored>()).Step);
        await Show("running", ExtensionPolicy.Apply(Spec, new ExtendJob(200, null)), JobExtent.Of(Spec));
        Assert.False(await server.Client.DownloadModelAsync(Job, server.Folder.File("none")));

        // An upload that was under way when the job was given more steps, and comes to its end.
        await PutAsync(100, "short");
        await PutAsync(200, "long");
        Assert.True(await server.Client.DownloadModelAsync(Job, server.Folder.File("copy")));
        Assert.Equal("long", await File.ReadAllTextAsync(server.Folder.File("copy")));
        using var http = server.Friend();
        Assert.Equal("short", await http.GetStringAsync(new Uri($"/api/v1/jobs/{Job}/model?step=100", UriKind.Relative)));
        using var never = await http.GetAsync(new Uri($"/api/v1/jobs/{Job}/model?step=150", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, never.StatusCode);
    }

    private Task Show(string phase, JobSpec spec, JobExtent? submitted = null)
    {
        server.Grains.Show(new JobView { Id = Job, Phase = phase, Reason = "it broke", Spec = spec, Submitted = submitted });
        return Task.CompletedTask;
    }

    private async Task PutAsync(long step, string text)
    {
        using var http = server.Friend();
        var model = System.Text.Encoding.UTF8.GetBytes(text);
        using var request = new HttpRequestMessage(
            HttpMethod.Put, new Uri($"/api/v1/jobs/{Job}/model?step={step}", UriKind.Relative))
        { Content = new ByteArrayContent(model) };
        request.Headers.Add("X-Content-SHA256", Convert.ToHexStringLower(SHA256.HashData(model)));
        using var answer = await http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
    }
}
