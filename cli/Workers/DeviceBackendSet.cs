using System.Runtime.CompilerServices;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Devices;
using Coordinator.Worker.Programs;

namespace Coordinator.Cli.Workers;

/// <summary>
/// What makes the devices of a process that are not its CPU: ILGPU's backend, which is built in, and a library of others. Each is opened
/// only where its devices are asked for, so that a process which computes on the CPU, or not at all, does not load ILGPU when it starts.
/// </summary>
public sealed class DeviceBackendSet : IDisposable
{
    private readonly List<IDeviceBackend> open;

    /// <summary>A set of backends that are open, which it owns.</summary>
    internal DeviceBackendSet(params IEnumerable<IDeviceBackend> backends) => open = [.. backends];

    /// <summary>Opens the backends that are needed.</summary>
    /// <param name="withIlgpu">Whether devices of ILGPU are asked for.</param>
    /// <param name="library">Full path of a library of others; null: none.</param>
    /// <exception cref="CommandException">The library is not there, or cannot be used.</exception>
    public static DeviceBackendSet Open(bool withIlgpu, string? library)
    {
        var set = new DeviceBackendSet();
        try
        {
            if (withIlgpu)
                set.open.Add(Ilgpu());
            if (library is not null)
                set.AddLibrary(library);
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>All devices of the backends that are open.</summary>
    public IReadOnlyList<DeviceDescription> List() => [.. open.SelectMany(backend => backend.List())];

    /// <summary>A device for one rank, by the backend whose name its own begins with.</summary>
    public IRankDevice Create(JobSpec spec, ITrainingProgram program, ISampleSource? samples, DeviceDescription device) =>
        (open.FirstOrDefault(backend => IsOf(backend, device)) ?? throw new InvalidOperationException($"nothing makes the device "
            + $"{device.Device}")).Create(spec, program, samples, device);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var backend in open)
            backend.Dispose();
    }

    /// <summary>A method of its own, and no part of its caller: compiling it is what loads ILGPU.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IDeviceBackend Ilgpu() => new IlgpuBackend();

    /// <summary>Why devices of a library could not be told from others by their names; null where they can.</summary>
    internal static string? WhyMisnamed(IDeviceBackend backend)
    {
        if (DeviceSelection.IsOurs(backend.Name))
            return $"'{backend.Name}' is the name of devices of this program";
        return backend.List().FirstOrDefault(device => !IsOf(backend, device)) is { } other
            ? $"its device '{other.Device}' is not called '{backend.Name}:' and more"
            : null;
    }

    private void AddLibrary(string path)
    {
        if (!File.Exists(path))
        {
            throw new CommandException(
                ExitCodes.Usage, $"There is no library of devices at {path}.", $"Name an assembly with {DeviceSelection.LibraryOption}.");
        }
        try
        {
            var backend = DeviceBackends.Load(path);
            open.Add(backend);
            if (WhyMisnamed(backend) is { } why)
            {
                throw new CommandException(
                    ExitCodes.Usage,
                    $"{path} cannot be used: {why}.",
                    "Change its names: a library's devices are called by its own name, a colon and more.");
            }
        }
        catch (DeviceBackendException unusable)
        {
            throw new CommandException(ExitCodes.Usage, unusable.Message, unusable.Remedy);
        }
    }

    private static bool IsOf(IDeviceBackend backend, DeviceDescription device) =>
        device.Device.StartsWith(backend.Name + ":", StringComparison.Ordinal);
}
