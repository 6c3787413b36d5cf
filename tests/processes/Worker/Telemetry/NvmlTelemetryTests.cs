using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Tests.Support;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Telemetry;

namespace Coordinator.Tests.Processes.Worker.Telemetry;

/// <summary>The calls into NVML against a library in C that checks every argument: signatures, structures and constants.</summary>
public sealed class NvmlTelemetryTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private int libraries;

    public void Dispose() => folder.Dispose();

    [GccFact]
    public void Everything_is_read_by_the_signatures_of_nvml()
    {
        using var nvml = NvmlTelemetry.TryOpen(out var why, Compiled())!;
        Assert.Equal("", why);
        Assert.Equal("570.86.15", nvml.DriverVersion);
        var first = nvml.Read(Device("00000000:3B:00.0"), index: 2)!;
        Assert.Equal((2, 63.0, 412.5), (first.Index, first.TemperatureC, first.PowerWatts));
        Assert.Equal((1L << 30, 80L << 30), (first.MemoryUsedBytes, first.MemoryTotalBytes));
        Assert.Equal((5_000_000_002L, 4), (first.UncorrectedEcc, first.RecoveryAction));
        Assert.Equal([48, 45], first.Xids);
        Assert.Empty(nvml.Read(Device("00000000:3B:00.0"), index: 2)!.Xids);
    }

    [GccFact]
    public void A_device_that_nvml_does_not_know_has_no_telemetry()
    {
        using var nvml = NvmlTelemetry.TryOpen(out _, Compiled())!;
        Assert.Null(nvml.Read(Device("00000000:5E:00.0"), index: 0));
        Assert.Null(nvml.Read(Device(""), index: 0));
    }

    [GccFact]
    public void Calls_that_an_older_library_lacks_give_nothing()
    {
        using var nvml = NvmlTelemetry.TryOpen(
            out _,
            Compiled("-DnvmlDeviceGetFieldValues=absent1", "-DnvmlEventSetCreate=absent2", "-DnvmlDeviceGetTotalEccErrors=absent3"))!;
        var reading = nvml.Read(Device("00000000:3B:00.0"), index: 0)!;
        Assert.Equal<(double?, long?, int?)>((63.0, null, null), (reading.TemperatureC, reading.UncorrectedEcc, reading.RecoveryAction));
        Assert.Empty(reading.Xids);
    }

    [Fact]
    public void Without_the_library_there_is_no_telemetry_and_a_reason()
    {
        Assert.Null(NvmlTelemetry.TryOpen(out var why, folder.File("libnvidia-ml.so.1")));
        Assert.Equal($"{folder.File("libnvidia-ml.so.1")} is not there or does not load", why);
    }

    [GccFact]
    public void Nodes_with_different_drivers_are_of_different_classes_and_an_unknown_driver_is_a_class_of_its_own()
    {
        Assert.Equal("ilgpu-1.5.3-cuda-sm90-driver570.86.15-cuda12.8-k1", ClassBy(Compiled()));
        Assert.Equal("ilgpu-1.5.3-cuda-sm90-driver570.133.20-cuda12.8-k1", ClassBy(Compiled("-DDRIVER=570.133.20")));
        Assert.Equal("ilgpu-1.5.3-cuda-sm90-driver-unknown-cuda12.8-k1", ClassBy(Compiled("-DnvmlSystemGetDriverVersion=absent")));
        Assert.Equal("ilgpu-1.5.3-cuda-sm90-driver-unknown-cuda12.8-k1", ClassBy(folder.File("libnvidia-ml.so.1")));

        static string ClassBy(string nvml) => CudaDeviceClass.Name("ilgpu-1.5.3", (9, 0), NvmlTelemetry.ReadDriverVersion(nvml), "12.8", 1);
    }

    [GccFact]
    public void A_library_that_was_closed_after_the_class_was_named_is_opened_again_for_telemetry()
    {
        var library = Compiled();
        Assert.Equal("570.86.15", NvmlTelemetry.ReadDriverVersion(library));
        using var nvml = NvmlTelemetry.TryOpen(out _, library)!;
        Assert.Equal(63.0, nvml.Read(Device("00000000:3B:00.0"), index: 0)!.TemperatureC);
    }

    [Fact]
    public void Errors_are_said_at_once_and_kept_until_somebody_hears_them_and_values_that_wander_seldom()
    {
        var reports = new TelemetryReports();
        Assert.Null(reports.Take(Second(0), connected: false, [Reading(60, 13)]));
        Assert.Equal([13], reports.Take(Second(2), connected: true, [Reading(60)])!.Readings.Single().Xids);
        Assert.Null(reports.Take(Second(4), connected: true, [Reading(70)]));
        Assert.Null(reports.Take(Second(30), connected: true, [Reading(60)]));
        Assert.Equal(70, reports.Take(Second(32), connected: true, [Reading(70)])!.Readings.Single().TemperatureC);
        Assert.Equal([48], reports.Take(Second(34), connected: true, [Reading(70, 48)])!.Readings.Single().Xids);
        Assert.NotNull(reports.Take(Second(36), connected: true, [Reading(70) with { RecoveryAction = 1 }]));
        Assert.Null(reports.Take(Second(38), connected: true, [Reading(70) with { RecoveryAction = 1 }]));
    }

    private static TimeSpan Second(int number) => TimeSpan.FromSeconds(number);

    private static GpuReading Reading(double celsius, params int[] xids) => new() { Index = 0, TemperatureC = celsius, Xids = xids };

    private static DeviceDescription Device(string pci) =>
        new() { Device = "ilgpu:cuda:0", Name = "fake", MemoryBytes = 1, DeviceClass = "fake", PciBusId = pci };

    private string Compiled(params string[] flags)
    {
        var library = folder.File($"fake_nvml{++libraries}.so");
        var source = Path.Combine(AppContext.BaseDirectory, "Worker", "Telemetry", "fake_nvml.c");
        using var gcc = Process.Start(new ProcessStartInfo(
            "gcc",
            ["-shared", "-fPIC", "-Wall", "-Werror", "-Wno-unused", .. flags, "-o", library, source])
        { RedirectStandardError = true })!;
        var said = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, said);
        return library;
    }
}
