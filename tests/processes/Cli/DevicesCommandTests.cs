using System.Text.Json.Nodes;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

public sealed class DevicesCommandTests
{
    [Fact]
    public async Task The_command_lists_the_devices_of_a_library_beside_its_own()
    {
        using var devices = new Executable("devices", "--device-library", typeof(TestBackend).Assembly.Location, "-o", "json");

        Assert.Equal(ExitCodes.Success, await devices.EndAsync(TimeSpan.FromMinutes(1)));
        var listed = JsonNode.Parse(devices.Output)!["items"]!.AsArray().Select(item => (string?)item!["device"]);
        Assert.Equal(["cpu", "ilgpu:cpu", "test:0"], listed.Where(device => device is "cpu" or "ilgpu:cpu" or "test:0"));
    }
}
