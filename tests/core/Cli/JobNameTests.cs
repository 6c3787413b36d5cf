using Coordinator.Cli.Commands;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Cli;

/// <summary>A job may be called by what is clear, and by nothing that is not.</summary>
public sealed class JobNameTests : IAsyncLifetime
{
    private TestServer server = null!;

    public async Task InitializeAsync()
    {
        server = await TestServer.StartAsync();
        Show("night-a1b2c3", "night");
        Show("night-a1ffff", "second night");
        Show("day-000000", "day");
        Show("day", "other");
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("night-a1b2c3", "night-a1b2c3")]
    [InlineData("night-a1b", "night-a1b2c3")]
    [InlineData("night", "night-a1b2c3")]
    [InlineData("second night", "night-a1ffff")]
    [InlineData("day-", "day-000000")]
    [InlineData("day", "day")]
    public async Task A_job_is_found_by_its_id_the_beginning_of_it_or_its_name(string called, string id) =>
        Assert.Equal(id, (await JobArgument.FindIdAsync(server.Client, called, CancellationToken.None)).Value);

    [Theory]
    [InlineData("night-a1", ExitCodes.Usage, "'night-a1' may be any of 2 jobs.")]
    [InlineData("d", ExitCodes.Usage, "'d' may be any of 2 jobs.")]
    [InlineData("week", ExitCodes.NotFound, "There is no job 'week'.")]
    [InlineData("", ExitCodes.NotFound, "There is no job ''.")]
    [InlineData("../etc\u001b", ExitCodes.NotFound, "There is no job '../etc\uFFFD'.")]
    public async Task What_is_not_clear_is_not_guessed(string called, int code, string message)
    {
        var refused = await Assert.ThrowsAsync<CommandException>(
            () => JobArgument.FindIdAsync(server.Client, called, CancellationToken.None));
        Assert.Equal((code, message), (refused.ExitCode, refused.Message));
    }

    private void Show(string id, string name) =>
        server.Grains.Show(new JobView { Id = new JobId(id), Phase = "running", Spec = new JobSpec { Name = name } });
}
