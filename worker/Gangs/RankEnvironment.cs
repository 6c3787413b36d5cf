using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Gangs;

/// <summary>What torchrun sets for a process, and what the coordinator adds.</summary>
internal static class RankEnvironment
{
    /// <summary>File that a program may touch to show that it lives.</summary>
    public const string Heartbeat = "COORDINATOR_HEARTBEAT";

    /// <summary>File in which torch's programs say why they fail.</summary>
    public const string ErrorFile = "TORCHELASTIC_ERROR_FILE";

    /// <summary>The variables of one process. What the job sets itself goes over the defaults, but not over the process's place.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Of(
        JobId job,
        long generation,
        GangSpec spec,
        GangSeat seat,
        GangStart start,
        int local,
        IReadOnlyList<DeviceDescription> devices,
        string folder,
        string? visible = null)
    {
        var perNode = seat.Gpus.Count;
        var (rank, world) = ((seat.Index * perNode) + local, seat.Nodes * perNode);
        if (perNode > 1)
            yield return new("OMP_NUM_THREADS", "1");
        yield return new("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1");
        yield return new("PYTHONUNBUFFERED", "1");
        foreach (var pair in spec.Environment)
            yield return pair;
        yield return new("RANK", Number(rank));
        yield return new("LOCAL_RANK", Number(local));
        yield return new("GROUP_RANK", Number(seat.Index));
        yield return new("ROLE_RANK", Number(rank));
        yield return new("ROLE_NAME", "default");
        yield return new("LOCAL_WORLD_SIZE", Number(perNode));
        yield return new("WORLD_SIZE", Number(world));
        yield return new("GROUP_WORLD_SIZE", Number(seat.Nodes));
        yield return new("ROLE_WORLD_SIZE", Number(world));
        yield return new("MASTER_ADDR", start.MasterHost);
        yield return new("MASTER_PORT", Number(start.MasterPort));
        yield return new("TORCHELASTIC_RESTART_COUNT", Number(seat.Restarts));
        yield return new("TORCHELASTIC_MAX_RESTARTS", Number(spec.Restarts));
        yield return new("TORCHELASTIC_RUN_ID", job.Value);
        yield return new(ErrorFile, Path.Combine(folder, "error.json"));
        yield return new(
            "CUDA_VISIBLE_DEVICES", string.Join(',', seat.Gpus.Select(gpu => CudaName(devices[gpu], visible)).OfType<string>()));
        yield return new("COORDINATOR_JOB", job.Value);
        yield return new("COORDINATOR_GENERATION", generation.ToString(CultureInfo.InvariantCulture));
        yield return new(Heartbeat, Path.Combine(folder, "heartbeat"));
    }

    /// <summary>
    /// What CUDA knows a device by: its number, or, where the worker itself sees only some, what the worker's list has at that place. Null:
    /// it is none of CUDA's.
    /// </summary>
    private static string? CudaName(DeviceDescription device, string? visible)
    {
        if (device.Device.Split(':') is not [.., "cuda", var text]
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }
        return visible?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } names
            && number < names.Length ? names[number] : text;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
