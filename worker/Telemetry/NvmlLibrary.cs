using System.Runtime.InteropServices;
using System.Text;

namespace Coordinator.Worker.Telemetry;

/// <summary>
/// NVIDIA's management library, <c>libnvidia-ml.so.1</c>, which comes with the driver: the few calls that telemetry needs, by the
/// signatures of <c>nvml.h</c>. A call that the library does not have, or that fails, gives null. Loaded at run time, so that nothing is
/// missed where there is no driver.
/// </summary>
internal sealed unsafe class NvmlLibrary : IDisposable
{
    /// <summary>Where the driver puts it.</summary>
    public const string DefaultPath = "libnvidia-ml.so.1";

    private const int Success = 0;

    // enum values and ids of nvml.h.
    private const int TemperatureGpu = 0;
    private const int UncorrectedErrors = 1;
    private const int VolatileCounts = 0;
    private const ulong XidCriticalError = 0x8;
    private const uint RecoveryActionField = 230;

    private readonly nint library;
    private readonly delegate* unmanaged<int> shutdown;
    private readonly delegate* unmanaged<byte*, nint*, int> handleByPciBusId;
    private readonly delegate* unmanaged<nint, int, uint*, int> temperature;
    private readonly delegate* unmanaged<nint, uint*, int> powerUsage;
    private readonly delegate* unmanaged<nint, MemoryInfo*, int> memoryInfo;
    private readonly delegate* unmanaged<nint, int, int, ulong*, int> totalEccErrors;
    private readonly delegate* unmanaged<nint, int, FieldValue*, int> fieldValues;
    private readonly delegate* unmanaged<nint, ulong, nint, int> registerEvents;
    private readonly delegate* unmanaged<nint, EventData*, uint, int> eventSetWait;
    private readonly delegate* unmanaged<nint, int> eventSetFree;
    private readonly delegate* unmanaged<byte*, uint, int> driverVersion;
    private nint eventSet;
    private bool disposed;

    private NvmlLibrary(nint library)
    {
        this.library = library;
        shutdown = (delegate* unmanaged<int>)Export("nvmlShutdown");
        handleByPciBusId = (delegate* unmanaged<byte*, nint*, int>)Export("nvmlDeviceGetHandleByPciBusId_v2");
        temperature = (delegate* unmanaged<nint, int, uint*, int>)Export("nvmlDeviceGetTemperature");
        powerUsage = (delegate* unmanaged<nint, uint*, int>)Export("nvmlDeviceGetPowerUsage");
        memoryInfo = (delegate* unmanaged<nint, MemoryInfo*, int>)Export("nvmlDeviceGetMemoryInfo");
        totalEccErrors = (delegate* unmanaged<nint, int, int, ulong*, int>)Export("nvmlDeviceGetTotalEccErrors");
        fieldValues = (delegate* unmanaged<nint, int, FieldValue*, int>)Export("nvmlDeviceGetFieldValues");
        registerEvents = (delegate* unmanaged<nint, ulong, nint, int>)Export("nvmlDeviceRegisterEvents");
        eventSetWait = (delegate* unmanaged<nint, EventData*, uint, int>)Export("nvmlEventSetWait_v2");
        eventSetFree = (delegate* unmanaged<nint, int>)Export("nvmlEventSetFree");
        driverVersion = (delegate* unmanaged<byte*, uint, int>)Export("nvmlSystemGetDriverVersion");
    }

    /// <summary>Loads and initialises it; null, with the reason, where that cannot be done.</summary>
    public static NvmlLibrary? TryLoad(string path, out string why)
    {
        if (!NativeLibrary.TryLoad(path, out var handle))
        {
            why = $"{path} is not there or does not load";
            return null;
        }

        var loaded = new NvmlLibrary(handle);
        var init = (delegate* unmanaged<int>)loaded.Export("nvmlInit_v2");
        var result = init == null ? -1 : init();
        if (result != Success)
        {
            why = result == -1 ? $"{path} has no nvmlInit_v2" : $"nvmlInit_v2 of {path} returned {result}";
            NativeLibrary.Free(handle);
            return null;
        }

        nint set;
        var create = (delegate* unmanaged<nint*, int>)loaded.Export("nvmlEventSetCreate");
        if (create != null && loaded.registerEvents != null && loaded.eventSetWait != null && create(&set) == Success)
            loaded.eventSet = set;
        why = "";
        return loaded;
    }

    /// <summary>Version of the driver, such as <c>570.86.15</c>; null where it is not told.</summary>
    public string? DriverVersion()
    {
        var text = stackalloc byte[80];
        return driverVersion != null && driverVersion(text, 80) == Success ? Marshal.PtrToStringUTF8((nint)text) : null;
    }

    /// <summary>The handle of the device at a PCI address, its errors among the events from now on; null: there is none.</summary>
    public nint? Find(string pciBusId)
    {
        nint device;
        fixed (byte* text = Encoding.ASCII.GetBytes(pciBusId + '\0'))
        {
            if (handleByPciBusId == null || handleByPciBusId(text, &device) != Success)
                return null;
        }

        if (eventSet != 0)
            _ = registerEvents(device, XidCriticalError, eventSet);
        return device;
    }

    /// <summary>Degrees Celsius.</summary>
    public double? Temperature(nint device)
    {
        uint celsius;
        return temperature != null && temperature(device, TemperatureGpu, &celsius) == Success ? celsius : null;
    }

    /// <summary>Watts; the library counts milliwatts.</summary>
    public double? Power(nint device)
    {
        uint milliwatts;
        return powerUsage != null && powerUsage(device, &milliwatts) == Success ? milliwatts / 1000.0 : null;
    }

    /// <summary>Bytes used, and bytes there are.</summary>
    public (long Used, long Total)? Memory(nint device)
    {
        MemoryInfo info;
        return memoryInfo != null && memoryInfo(device, &info) == Success ? ((long)info.Used, (long)info.Total) : null;
    }

    /// <summary>Uncorrected memory errors since the driver was loaded.</summary>
    public long? UncorrectedEcc(nint device)
    {
        ulong count;
        return totalEccErrors != null && totalEccErrors(device, UncorrectedErrors, VolatileCounts, &count) == Success ? (long)count : null;
    }

    /// <summary>What the driver asks for; drivers before 570 do not say.</summary>
    public int? RecoveryAction(nint device)
    {
        var field = new FieldValue { FieldId = RecoveryActionField };
        return fieldValues != null && fieldValues(device, 1, &field) == Success && field.Result == Success ? (int)(uint)field.Value : null;
    }

    /// <summary>The next error that waits, with its device; null where none does. Does not wait.</summary>
    public (nint Device, int Xid)? NextXid()
    {
        while (eventSet != 0)
        {
            EventData data;
            if (eventSetWait(eventSet, &data, 0) != Success)
                return null;
            if (data.EventType == XidCriticalError)
                return (data.Device, (int)data.Data);
        }

        return null;
    }

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        if (eventSet != 0 && eventSetFree != null)
            _ = eventSetFree(eventSet);
        if (shutdown != null)
            _ = shutdown();
        NativeLibrary.Free(library);
    }

    private nint Export(string name) => NativeLibrary.TryGetExport(library, name, out var address) ? address : 0;

    /// <summary>nvmlMemory_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MemoryInfo
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    /// <summary>nvmlFieldValue_t; the value is a union of eight bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct FieldValue
    {
        public uint FieldId;
        public uint ScopeId;
        public long Timestamp;
        public long LatencyMicroseconds;
        public int ValueType;
        public int Result;
        public ulong Value;
    }

    /// <summary>nvmlEventData_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct EventData
    {
        public nint Device;
        public ulong EventType;
        public ulong Data;
        public uint GpuInstance;
        public uint ComputeInstance;
    }
}
