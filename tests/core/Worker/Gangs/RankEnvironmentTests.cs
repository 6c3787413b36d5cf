using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Gangs;

namespace Coordinator.Tests.Worker.Gangs;

/// <summary>What a process of a gang finds in its environment: torchrun's contract.</summary>
public sealed class RankEnvironmentTests
{
    [Fact]
    public void A_process_knows_its_place_as_under_torchrun()
    {
        var environment = Of(new GangSpec { Restarts = 3 }, ["ilgpu:cuda:0", "ilgpu:cuda:1", "ilgpu:cuda:2"]);

        Assert.Equal(
            new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["RANK"] = "3",
                ["LOCAL_RANK"] = "1",
                ["WORLD_SIZE"] = "6",
                ["LOCAL_WORLD_SIZE"] = "2",
                ["GROUP_RANK"] = "1",
                ["GROUP_WORLD_SIZE"] = "3",
                ["ROLE_RANK"] = "3",
                ["ROLE_WORLD_SIZE"] = "6",
                ["ROLE_NAME"] = "default",
                ["MASTER_ADDR"] = "10.0.0.1",
                ["MASTER_PORT"] = "29501",
                ["TORCHELASTIC_RESTART_COUNT"] = "4",
                ["TORCHELASTIC_MAX_RESTARTS"] = "3",
                ["TORCHELASTIC_RUN_ID"] = "g",
                ["TORCHELASTIC_ERROR_FILE"] = "/talk/error.json",
                ["CUDA_VISIBLE_DEVICES"] = "0,2",
                ["OMP_NUM_THREADS"] = "1",
                ["PYTHONUNBUFFERED"] = "1",
                ["TORCH_NCCL_ASYNC_ERROR_HANDLING"] = "1",
                ["COORDINATOR_JOB"] = "g",
                ["COORDINATOR_GENERATION"] = "5",
                ["COORDINATOR_HEARTBEAT"] = "/talk/heartbeat",
            },
            environment);
    }

    [Fact]
    public void A_process_on_cpu_devices_sees_no_gpu_of_the_host() =>
        Assert.Equal("", Of(new GangSpec(), ["cpu", "cpu", "cpu"])["CUDA_VISIBLE_DEVICES"]);

    [Fact]
    public void A_worker_that_sees_only_some_devices_names_them_as_it_knows_them() =>
        Assert.Equal(
            "GPU-a,GPU-c",
            Of(new GangSpec(), ["ilgpu:cuda:0", "ilgpu:cuda:1", "ilgpu:cuda:2"], "GPU-a, GPU-b,GPU-c")["CUDA_VISIBLE_DEVICES"]);

    [Fact]
    public void The_job_may_set_what_it_likes_but_not_the_place()
    {
        var environment = Of(
            new GangSpec { Environment = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "4", ["RANK"] = "0", ["X"] = "y" } },
            ["cpu", "cpu", "cpu"]);

        Assert.Equal(("4", "3", "y"), (environment["OMP_NUM_THREADS"], environment["RANK"], environment["X"]));
    }

    [Fact]
    public void The_agents_store_is_not_promised() =>
        Assert.DoesNotContain("TORCHELASTIC_USE_AGENT_STORE", Of(new GangSpec(), ["cpu", "cpu", "cpu"]).Keys);

    private static SortedDictionary<string, string> Of(GangSpec spec, string[] devices, string? visible = null)
    {
        var environment = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var described = devices.Select(
            device => new DeviceDescription { Device = device, Name = device, MemoryBytes = 1, DeviceClass = "fake" }).ToArray();
        foreach (var (name, value) in RankEnvironment.Of(
            new JobId("g"), 5, spec, new GangSeat(1, 3, [0, 2], 4), new GangStart("10.0.0.1", 29501, "", []), local: 1, described, "/talk",
            visible))
        {
            environment[name] = value;
        }
        return environment;
    }
}
