using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Ilgpu.Programs;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Telemetry;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Coordinator.Worker.Ilgpu.Devices;

/// <summary>
/// The devices that ILGPU finds: CUDA's, OpenCL's, and its simulated one, which runs kernels on the CPU, slowly, so that they can be
/// checked anywhere. It is made with whatever name it is asked for and never stands in for another.
/// </summary>
public sealed class IlgpuBackend : IDeviceBackend
{
    /// <summary>Raised whenever kernels, initialisation or random numbers change a bit of any result.</summary>
    public const int KernelVersion = 1;

    private const string Simulated = "ilgpu:cpu";

    // ILGPU's own context: the list of devices and the compiler, which keeps what it has read of the kernels for all of them.
    private readonly Lazy<Context> context = new(
        () => Context.Create(builder => DeviceContext.Configure(builder).Cuda().OpenCL().CPU(DeviceContext.Simulated())));

    // ILGPU knows CUDA's version only, which many drivers share.
    private readonly Lazy<string?> displayDriver = new(() => NvmlTelemetry.ReadDriverVersion());

    public string Name => "ilgpu";

    public IReadOnlyList<DeviceDescription> List() => [.. Described().Select(found => found.Description)];

    public IRankDevice Create(JobSpec spec, ISampleSource? samples, DeviceDescription device) =>
        Create(spec, TrainingPrograms.Create(spec), samples, device);

    public IRankDevice Create(JobSpec spec, ITrainingProgram program, ISampleSource? samples, DeviceDescription device)
    {
        if (DevicePrograms.WhyNot(spec, program) is { } reason) throw new InvalidJobException(reason);
        foreach ((var found, var description) in Described())
        {
            if (description.Device == device.Device)
                return new IlgpuRankDevice(spec, samples, description.Device, context.Value, found, own: program);
        }

        throw new DeviceLostException($"{device.Device} is not among this host's devices any more.");
    }

    public void Dispose()
    {
        if (context.IsValueCreated) context.Value.Dispose();
    }

    private IEnumerable<(Device Device, DeviceDescription Description)> Described()
    {
        int cuda = 0, openCL = 0;
        var library = $"ilgpu-{typeof(Context).Assembly.GetName().Version!.ToString(3)}";
        foreach (var device in context.Value.Devices)
        {
            yield return device switch
            {
                CudaDevice gpu => (gpu, new DeviceDescription
                {
                    Device = $"ilgpu:cuda:{cuda++}",
                    Name = gpu.Name,
                    MemoryBytes = gpu.MemorySize,
                    DeviceClass = CudaDeviceClass.Name(
                        library,
                        (gpu.Architecture?.Major ?? 0, gpu.Architecture?.Minor ?? 0),
                        displayDriver.Value,
                        gpu.DriverVersion.ToString(),
                        KernelVersion),
                    PciBusId = gpu.NVMLPCIBusId,
                }),
                CLDevice gpu => (gpu, new DeviceDescription
                {
                    Device = $"ilgpu:opencl:{openCL++}",
                    Name = gpu.Name,
                    MemoryBytes = gpu.MemorySize,
                    DeviceClass =
                        $"{library}-opencl-{Word(gpu.VendorName)}-{Word(gpu.Name)}-driver{Word(DriverOf(gpu))}-{Word(gpu.DeviceVersion.ToString())}-k{KernelVersion}",
                }),
                _ => (device, new DeviceDescription
                {
                    Device = Simulated,
                    Name = "ILGPU's CPU accelerator, for checking",
                    MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
                    DeviceClass = $"{library}-cpu-{CpuDeviceClass.ArchitectureName}-k{KernelVersion}",
                }),
            };
        }
    }

    private static string DriverOf(CLDevice gpu) => CLAPI.CurrentAPI.GetDeviceInfo(gpu.DeviceId, CLDeviceInfoType.CL_DRIVER_VERSION);

    private static string Word(string text) => CudaDeviceClass.Word(text);
}
