using System.Net;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

public sealed class LogsApiTests
{
    [Theory]
    [InlineData("gpt", null, "gpt")]
    [InlineData("dotnet", "Mlp.dll", "Mlp.dll")]
    public async Task A_job_whose_program_is_no_process_has_no_log_and_nobody_is_asked_for_one(string program, string? entry, string named)
    {
        await using var server = await TestServer.StartAsync();
        var spec = new JobSpec
        {
            Model = new ModelSpec { Program = program },
            Program = entry is null ? null : new ProgramSpec { Entry = entry },
        };
        server.Grains.Show(new JobView { Id = new JobId("j"), Phase = "running", Spec = spec });
        using var friend = server.Friend();
        using var answer = await friend.GetAsync(new Uri("/api/v1/jobs/j/logs", UriKind.Relative));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains($"trains {named}, which its workers compute themselves", await answer.Content.ReadAsStringAsync(),
            StringComparison.Ordinal);
        Assert.Equal(0, server.Grains.Untaken);
    }
}
