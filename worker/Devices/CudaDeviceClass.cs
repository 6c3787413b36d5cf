namespace Coordinator.Worker.Devices;

/// <summary>
/// The name of what decides a CUDA device's bits. The display driver compiles the kernels for the hardware, so that its version is part
/// of it; CUDA's own version is as well, since a compatibility package may bring a compiler newer than the display driver.
/// </summary>
public static class CudaDeviceClass
{
    /// <summary>
    /// A class such as <c>ilgpu-1.5.3-cuda-sm90-driver570.86.15-cuda12.8-k1</c>; <c>driver-unknown</c> where nobody tells the version.
    /// </summary>
    /// <param name="library">The library that makes the kernels, with its version: <c>ilgpu-1.5.3</c>.</param>
    /// <param name="architecture">Compute capability, such as (9, 0).</param>
    /// <param name="displayDriver">Version of the display driver (<see cref="Telemetry.NvmlTelemetry.ReadDriverVersion"/>); null: nobody
    /// tells it.</param>
    /// <param name="cuda">Version of CUDA's API that the driver has: <c>12.8</c>.</param>
    /// <param name="kernelVersion">Version of the kernels.</param>
    public static string Name(string library, (int Major, int Minor) architecture, string? displayDriver, string cuda, int kernelVersion) =>
        $"{library}-cuda-sm{architecture.Major}{architecture.Minor}-driver{(displayDriver is null ? "-unknown" : Word(displayDriver))}-cuda{Word(cuda)}-k{kernelVersion}";

    /// <summary>A name as classes write it: letters and digits in lower case, dots, and _ for everything else.</summary>
    public static string Word(string text) =>
        string.Concat(text.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c == '.' ? c : '_'));
}
