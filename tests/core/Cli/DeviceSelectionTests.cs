using Coordinator.Cli.Workers;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Cli;

public sealed class DeviceSelectionTests
{
    private static readonly DeviceDescription Cpu = TestBackend.Device("cpu", "cpu-x64-k1");

    private static readonly DeviceDescription[] Found =
    [
        TestBackend.Device("ilgpu:cuda:0", "sm90"), TestBackend.Device("ilgpu:cuda:1", "sm90"),
        TestBackend.Device("ilgpu:cpu", "simulated"),
    ];

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
        var missing = Assert.Throws<CommandException>(() => Choose("ilgpu:cuda", 1, [TestBackend.Device("ilgpu:cpu", "simulated")]));

        Assert.Equal(ExitCodes.Usage, missing.ExitCode);
        Assert.Equal("There is no device ilgpu:cuda on this host. Found: ilgpu:cpu (ilgpu:cpu).", missing.Message);
    }

    [Fact]
    public void A_number_beyond_the_last_is_refused_with_the_numbers_there_are()
    {
        var missing = Assert.Throws<CommandException>(() => Choose("ilgpu:cuda:7", 1, Found));

        Assert.Equal("There is no device ilgpu:cuda:7 on this host. Found: ilgpu:cuda:0 (ilgpu:cuda:0), ilgpu:cuda:1 (ilgpu:cuda:1), "
            + "ilgpu:cpu (ilgpu:cpu).", missing.Message);
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

    [Theory]
    [InlineData("test:0")]
    [InlineData("test:fast:1")]
    public void A_library_has_names_of_its_own(string text)
    {
        Assert.Null(DeviceSelection.WhyNone(text, withLibrary: true));
        Assert.NotNull(DeviceSelection.WhyNone(text));
    }

    [Theory]
    [InlineData("test")]
    [InlineData("test:")]
    [InlineData(":0")]
    [InlineData("cpu:0")]
    [InlineData("ilgpu:metal")]
    public void What_no_library_can_have_is_refused_with_one_too(string text) =>
        Assert.Equal(
            $"'{text}' is no device; write cpu, ilgpu:cuda[:N], ilgpu:opencl[:N] or ilgpu:cpu, or a device of the library.",
            DeviceSelection.WhyNone(text, withLibrary: true));

    [Theory]
    [InlineData("test", "test:0", null)]
    [InlineData("ilgpu", "ilgpu:cuda:0", "'ilgpu' is the name of devices of this program")]
    [InlineData("cpu", "cpu:0", "'cpu' is the name of devices of this program")]
    [InlineData("test", "ilgpu:cpu", "its device 'ilgpu:cpu' is not called 'test:' and more")]
    public void A_library_cannot_take_names_of_others(string name, string device, string? why)
    {
        using var backend = new TestBackend(name, device);

        Assert.Equal(why, DeviceBackendSet.WhyMisnamed(backend));
    }

    [Fact]
    public void A_rank_gets_its_device_from_the_library_that_it_is_called_by()
    {
        using var backends = DeviceBackendSet.Open(withIlgpu: false, typeof(TestBackend).Assembly.Location);

        Assert.Equal(["test:0"], backends.List().Select(device => device.Device));
        Assert.Equal(
            "a toy computes nothing",
            Assert.Throws<InvalidJobException>(() => Create("test:0")).Message);
        Assert.Throws<InvalidOperationException>(() => Create("tests:0"));

        IRankDevice Create(string name) =>
            backends.Create(new JobSpec(), TrainingPrograms.Create(new JobSpec()), null, TestBackend.Device(name, "toy"));
    }

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
        var text = Assert.Throws<DeviceBackendException>(
            () => DeviceBackends.Load(Path.ChangeExtension(typeof(TestBackend).Assembly.Location, ".deps.json")));

        Assert.Equal($"{typeof(JobSpec).Assembly.Location} holds no devices.", empty.Message);
        Assert.NotEqual(empty.Remedy, text.Remedy);
    }


    private static IReadOnlyList<DeviceDescription> Choose(string given, int ranks, IReadOnlyList<DeviceDescription> found) =>
        DeviceSelection.Choose(DeviceSelection.Split(given.Length == 0 ? null : [given]), Cpu, found, ranks);
}
