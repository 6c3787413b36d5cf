using System.Text.Json;

namespace Coordinator.Tests.Support.Golden;

/// <summary>
/// The hashes of <c>golden.json</c>. A change that changes one changes what jobs train: it comes with a higher
/// <see cref="Coordinator.Worker.Kernels.CpuDeviceClass.KernelVersion"/>, and with a line in the changelog.
/// </summary>
public static class GoldenHashes
{
    private static readonly Dictionary<string, string> All =
        JsonSerializer.Deserialize<Dictionary<string, string>>(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "golden.json")))!;

    /// <summary>Fails with both hashes in full, and with what a change of them means.</summary>
    public static void AssertIs(string name, string? sha256)
    {
        if (sha256 != All.GetValueOrDefault(name))
            Assert.Fail($"{name} ends with {sha256}; golden.json has {All.GetValueOrDefault(name, "no such entry")}");
    }

    /// <summary>The hash of that name; null where there is none.</summary>
    public static string? Of(string name) => All.GetValueOrDefault(name);

    /// <summary>All names.</summary>
    public static IEnumerable<string> Names => All.Keys;
}
