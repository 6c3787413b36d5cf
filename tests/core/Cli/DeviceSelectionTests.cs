using Coordinator.Cli.Commands;
using Coordinator.Cli.Output;
using Coordinator.Cli.Runs;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Cli;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Programs;

[assembly: DeviceBackend(typeof(TestBackend))]

namespace Coordinator.Tests.Cli;

/// <summary>A library of devices for the loader to find in this assembly.</summary>
public sealed class TestBackend : IDeviceBackend
{
    public string Name => "test";

    public IReadOnlyList<DeviceDescription> List() => [DeviceSelectionTests.Device("test:0", "toy")];

    public IRankDevice Create(JobSpec spec, ISampleSource? samples, DeviceDescription device) => throw new InvalidJobException("a toy computes nothing");

    public void Dispose()
    {
    }
}

public sealed class DeviceSelectionTests
{
    private static readonly DeviceDescription Cpu = Device("cpu", "cpu-x64-k1");

    private static readonly DeviceDescription[] Found = [Device("ilgpu:cuda:0", "sm90"), Device("ilgpu:cuda:1", "sm90"), Device("ilgpu:cpu", "simulated")];

    [Theory]
    [InlineData("", 1, "cpu")]
    [InlineData("", 3, "cpu cpu cpu")]
    [InlineData("ilgpu:cuda", 1, "ilgpu:cuda:0 ilgpu:cuda:1")]
    [InlineData("ilgpu:cuda:1", 1, "ilgpu:cuda:1")]
    [InlineData("ilgpu:cuda:1,ilgpu:cuda:1", 1, "ilgpu:cuda:1 ilgpu:cuda:1")]
    [InlineData("ilgpu:cuda", 2, "ilgpu:cuda:0 ilgpu:cuda:1 ilgpu:cuda:0 ilgpu:cuda:1")]
    [InlineData("ilgpu:cpu, cpu", 1, "ilgpu:cpu cpu")]
    public void A_gpu_is_a_named_device_and_one_named_twice_is_two(string given, int ranks, string expected) =>
        Assert.Equal(expected, string.Join(' ', Choose(given, ranks, Found).Select(device => device.Device)));

    [Fact]
    public void A_kind_that_is_not_here_is_refused_with_what_there_is_and_never_replaced_by_the_simulated_one()
    {
        var missing = Assert.Throws<CommandException>(() => Choose("ilgpu:cuda", 1, [Device("ilgpu:cpu", "simulated")]));

        Assert.Equal(ExitCodes.Usage, missing.ExitCode);
        Assert.Equal("There is no device ilgpu:cuda on this host. ILGPU finds: ilgpu:cpu (ilgpu:cpu).", missing.Message);
    }

    [Fact]
    public void A_number_beyond_the_last_is_refused_with_the_numbers_there_are()
    {
        var missing = Assert.Throws<CommandException>(() => Choose("ilgpu:cuda:7", 1, Found));

        Assert.Equal("There is no device ilgpu:cuda:7 on this host. ILGPU finds: ilgpu:cuda:0 (ilgpu:cuda:0), ilgpu:cuda:1 (ilgpu:cuda:1), ilgpu:cpu (ilgpu:cpu).", missing.Message);
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("ilgpu")]
    [InlineData("ilgpu:metal")]
    [InlineData("ilgpu:cuda:")]
    [InlineData("ilgpu:cuda:-1")]
    [InlineData("ilgpu:cuda:0:1")]
    [InlineData("ilgpu:cpu:0")]
    [InlineData("CPU")]
    public void What_names_no_device_on_any_host_is_refused_as_it_is_read(string text) =>
        Assert.Equal($"'{text}' is no device; write cpu, ilgpu:cuda[:N], ilgpu:opencl[:N] or ilgpu:cpu.", DeviceSelection.WhyNone(text));

    [Fact]
    public void A_library_is_loaded_with_the_contract_shared_and_the_rest_its_own()
    {
        using var backend = DeviceBackends.Load(typeof(TestBackend).Assembly.Location);

        Assert.Equal("test:0", backend.List().Single().Device);
        Assert.NotSame(typeof(TestBackend), backend.GetType());
    }

    [Fact]
    public void An_assembly_without_devices_and_a_file_that_is_none_are_refused()
    {
        var empty = Assert.Throws<DeviceBackendException>(() => DeviceBackends.Load(typeof(JobSpec).Assembly.Location));
        var text = Assert.Throws<DeviceBackendException>(() => DeviceBackends.Load(Path.ChangeExtension(typeof(TestBackend).Assembly.Location, ".deps.json")));

        Assert.Equal($"{typeof(JobSpec).Assembly.Location} holds no devices: it was built without the packages that it needs.", empty.Message);
        Assert.NotEqual(empty.Remedy, text.Remedy);
    }

    internal static DeviceDescription Device(string device, string deviceClass) => new() { Device = device, Name = device, MemoryBytes = 1, DeviceClass = deviceClass };

    private static IReadOnlyList<DeviceDescription> Choose(string given, int ranks, IReadOnlyList<DeviceDescription> found) =>
        DeviceSelection.Choose(DeviceSelection.Split(given.Length == 0 ? null : [given]), Cpu, found, ranks);
}
