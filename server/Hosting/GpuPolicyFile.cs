using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Machines.Gpus.Policies;

namespace Coordinator.Server.Hosting;

/// <summary>The file in which operators say what is done about GPU errors; both hosts read it the same way.</summary>
public static class GpuPolicyFile
{
    private const int MostBytes = 1 << 20;

    /// <summary>Settings with the policy of a file; null: the shipped one.</summary>
    /// <exception cref="InvalidDataException">The file cannot be read, or is no policy; the message says where and what to do.</exception>
    public static MachineSettings Read(string? path)
    {
        if (path is null)
            return MachineSettings.Default;
        try
        {
            var text = RegularFile.ReadNamedText(path, MostBytes);
            return string.IsNullOrWhiteSpace(text)
                ? throw new FormatException("it is empty")
                : new MachineSettings { GpuPolicy = GpuHealthPolicy.Parse(text) };
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"The GPU policy {path} cannot be used: {e.Message}. Begin with a copy of "
                + "docs/gpu-health.policy, or leave --gpu-policy out.", e);
        }
    }
}
