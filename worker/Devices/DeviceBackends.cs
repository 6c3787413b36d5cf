using System.Reflection;
using System.Runtime.Loader;
using Coordinator.Machines.Jobs;

namespace Coordinator.Worker.Devices;

/// <summary>
/// Loads libraries of devices that others made into this process. Each gets a load context of its own: what it depends on is found beside
/// it, by its
/// <c>.deps.json</c>, and meets nothing of ours; only the contract (this assembly and the machines) is shared.
/// </summary>
public static class DeviceBackends
{
    /// <summary>Loads the backend of an assembly.</summary>
    /// <param name="path">Full path of the assembly.</param>
    /// <exception cref="DeviceBackendException">It is no library of devices, it is empty, or it does not load.</exception>
    public static IDeviceBackend Load(string path)
    {
        try
        {
            var assembly = new BackendContext(path).LoadFromAssemblyPath(path);
            if (assembly.GetCustomAttribute<DeviceBackendAttribute>() is not { } named)
            {
                throw new DeviceBackendException(
                    $"{path} holds no devices.",
                    $"Name an assembly that names its {nameof(IDeviceBackend)} with {nameof(DeviceBackendAttribute)}.");
            }

            return Activator.CreateInstance(named.Backend) as IDeviceBackend
                ?? throw new DeviceBackendException(
                    $"{named.Backend} in {path} is no {nameof(IDeviceBackend)}.", "Build it together with this program.");
        }
        catch (TargetInvocationException e)
        {
            throw Unusable(path, e.InnerException ?? e);
        }
        catch (Exception e) when (e is IOException or BadImageFormatException or TypeLoadException or MissingMemberException
            or InvalidOperationException or ArgumentException)
        {
            throw Unusable(path, e);
        }
    }

    private static DeviceBackendException Unusable(string path, Exception e) => new(
        $"{path} cannot be used: {e.Message}",
        "Build it together with this program; its packages must lie beside it (dotnet build copies them).",
        e);

    private sealed class BackendContext(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private static readonly string?[] Shared =
        [
            typeof(IDeviceBackend).Assembly.GetName().Name, typeof(JobSpec).Assembly.GetName().Name,
        ];

        private readonly AssemblyDependencyResolver resolver = new(path);

        protected override Assembly? Load(AssemblyName name)
        {
            if (Shared.Contains(name.Name))
                return null;
            return resolver.ResolveAssemblyToPath(name) is { } found ? LoadFromAssemblyPath(found) : null;
        }

        protected override nint LoadUnmanagedDll(string name) =>
            resolver.ResolveUnmanagedDllToPath(name) is { } found ? LoadUnmanagedDllFromPath(found) : 0;
    }
}
