using System.Text.Json;

namespace Coordinator.Tests.Golden;

/// <summary>
/// The hashes of <c>golden.json</c>. A change that changes one changes what jobs train: it comes with a higher
/// <see cref="Coordinator.Worker.Kernels.CpuDeviceClass.KernelVersion"/>, and with a line in the changelog.
/// </summary>
internal static class GoldenHashes
{
    private static readonly Dictionary<string, string> All =
        JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "golden.json")))!;

    public static string Of(string name) => All.GetValueOrDefault(name, $"golden.json has no entry \"{name}\"");

    public static IEnumerable<string> Names => All.Keys;
}
