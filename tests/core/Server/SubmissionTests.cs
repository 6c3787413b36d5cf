using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Server.Client;
using Coordinator.Tests.Support;
using Coordinator.Tests.Worker;

namespace Coordinator.Tests.Server;

/// <summary>What a silo can know of a job before anything of it runs.</summary>
public sealed class SubmissionTests : IAsyncLifetime
{
    private TestServer server = null!;
    private bool holdsAllData = true;
    private TimeSpan? patience;

    public async Task InitializeAsync() => await BeginAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_job_without_data_for_a_program_that_reads_some_is_refused()
    {
        using var friend = server.Friend();
        using var content = new StringContent("{}", Encoding.UTF8, "application/json");
        using var answer = await friend.PostAsync(new Uri("/api/v1/jobs", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("data.sha256", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(0, server.Grains.Untaken);
    }

    [Fact]
    public async Task Data_that_are_not_here_or_are_of_another_size_are_named()
    {
        server.AcceptJobs();
        var (path, sha256) = MakeData(500);
        Assert.Equal("data.sha256", Assert.Single(await RefusedAsync(Spec(sha256, 500))).Field);
        await server.Client.UploadDataAsync(path, sha256);
        var wrong = Assert.Single(await RefusedAsync(Spec(sha256, 499)));
        Assert.Equal(("data.bytes", "Set data.bytes to 500."), (wrong.Field, wrong.Remedy));
        await server.Client.SubmitAsync(Spec(sha256, 500));
    }

    [Fact]
    public async Task Weights_to_start_from_that_are_not_here_or_are_of_another_size_are_named()
    {
        server.AcceptJobs();
        var (path, sha256) = MakeData(500);
        await server.Client.UploadDataAsync(path, sha256);
        var spec = Spec(sha256, 500) with { Initial = new InitialSpec { Sha256 = new string('a', 64), Bytes = 500 } };
        Assert.Equal("checkpoint.initial_load_sha256", Assert.Single(await RefusedAsync(spec)).Field);
        var wrong = Assert.Single(await RefusedAsync(spec with { Initial = new InitialSpec { Sha256 = sha256, Bytes = 499 } }));
        Assert.Equal("checkpoint.initial_load_bytes", wrong.Field);
    }

    [Fact]
    public async Task Data_that_are_nowhere_are_refused_by_one_of_several_silos_too()
    {
        await BeginAgainAsync(TimeSpan.FromMilliseconds(1));
        Assert.Equal("data.sha256", Assert.Single(await RefusedAsync(Spec(new string('a', 64), 500))).Field);
        Assert.Equal(0, server.Grains.Untaken);
    }

    [Fact]
    public async Task Data_that_another_silo_has_stored_are_waited_for_until_the_shared_folder_shows_them()
    {
        await BeginAgainAsync(TimeSpan.FromMinutes(1));
        server.AcceptJobs();
        var (path, sha256) = MakeData(500);
        var submitting = server.Client.SubmitAsync(Spec(sha256, 500));
        File.Move(path, server.Folder.File($"data/{sha256}.bin"));
        await submitting.For("the submission");
    }

    [Fact]
    public async Task A_submission_that_comes_again_finds_its_job_where_a_silo_of_another_build_tells_of_it()
    {
        server.AcceptJobs();
        var (path, sha256) = MakeData(500);
        await server.Client.UploadDataAsync(path, sha256);
        var job = new JobId("again-1");
        var view = JsonSerializer.SerializeToNode(
            new JobView { Id = job, Phase = "running", Spec = Spec(sha256, 500) }, MachinesJson.Default.JobView)!.AsObject();

        // Members that the other build does not know are not there; they have their initial values, as those of the submission have.
        Assert.True(view["spec"]!["checkpoint"]!.AsObject().Remove("keepLatest"));
        Assert.True(view["spec"]!["training"]!.AsObject().Remove("steps"));
        server.Grains.Show(GrainAddress.Of(job), view.ToJsonString());
        Assert.True((await server.Client.SubmitAsync(Spec(sha256, 500), job)).Existed);
    }

    [Fact]
    public async Task A_job_that_no_connected_device_of_its_class_has_the_memory_for_is_refused()
    {
        server.AcceptJobs();
        var (path, sha256) = MakeData(500_000);
        await server.Client.UploadDataAsync(path, sha256);
        var wide = Spec(sha256, 500_000) with { Model = new ModelSpec { Block = 100_000 } };
        Show(Node("n1", "cpu-x64", 8L << 30), Node("n2", "cuda-90", 0) with { Up = false });
        var problem = Assert.Single(await RefusedAsync(wide));
        Assert.Equal("model.block", problem.Field);
        Assert.Contains("the largest device that is connected has 8 GiB", problem.Error, StringComparison.Ordinal);

        // One whose memory nobody knows may do; so may one that is still to come.
        Show(Node("n1", "cpu-x64", 8L << 30), Node("n2", "cuda-90", 0));
        await server.Client.SubmitAsync(wide);
        Show();
        await server.Client.SubmitAsync(wide);
        Show(Node("n1", "cpu-x64", 8L << 30), Node("n2", "cuda-90", 0));
        Assert.Contains(
            "of class cpu", Assert.Single(await RefusedAsync(wide with { DeviceClass = "cpu" })).Error, StringComparison.Ordinal);
    }

    private async Task BeginAgainAsync(TimeSpan submitTimeout)
    {
        await server.DisposeAsync();
        (holdsAllData, patience) = (false, submitTimeout);
        await BeginAsync();
    }

    private async Task BeginAsync() => server = await TestServer.StartAsync(options => options with
    {
        HoldsAllData = holdsAllData,
        SubmitTimeout = patience ?? options.SubmitTimeout,
        ValidateJob = spec => [
            .. JobSpecValidator.ValidateSubmitted(spec).Select(problem => new JobProblem(problem.ToString(), problem.Field, problem.Remedy))
        ],
    });

    private async Task<IReadOnlyList<JobProblem>> RefusedAsync(JobSpec spec)
    {
        var refusal = await Assert.ThrowsAsync<CoordinatorApiException>(() => server.Client.SubmitAsync(spec));
        Assert.Equal(HttpStatusCode.BadRequest, refusal.Status);
        return refusal.Problems!;
    }

    private static JobSpec Spec(string sha256, long bytes) => new() { Data = new DataSpec { Sha256 = sha256, Bytes = bytes } };

    private static ClusterNodeView Node(string name, string deviceClass, long memory) =>
        new(new NodeId(name), true, 1, 1, deviceClass) { MemoryBytes = memory };

    private void Show(params ClusterNodeView[] nodes) => server.Grains.Show(new ClusterView(nodes, []));

    private (string Path, string Sha256) MakeData(int bytes)
    {
        var content = new byte[bytes];
        var path = server.Folder.File($"{bytes}.data");
        File.WriteAllBytes(path, content);
        return (path, Convert.ToHexStringLower(SHA256.HashData(content)));
    }
}
