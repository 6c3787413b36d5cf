using System.Globalization;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Devices;

namespace Coordinator.Cli.Workers;

/// <summary>What <c>--device</c> says, and which devices of a host it means.</summary>
public static class DeviceSelection
{
    /// <summary>The option that names a library of others' devices.</summary>
    public const string LibraryOption = "--device-library";

    /// <summary>What may be written, for people.</summary>
    public const string Forms = "cpu, ilgpu:cuda[:N], ilgpu:opencl[:N] or ilgpu:cpu";

    private const string Cpu = "cpu";
    private const string Ilgpu = "ilgpu";
    private static readonly string[] Kinds = ["cuda", "opencl", "cpu"];

    /// <summary>The single texts of repeated options and of lists with commas; <c>cpu</c> where there are none.</summary>
    public static IReadOnlyList<string> Split(IEnumerable<string>? given)
    {
        string[] texts = [.. (given ?? []).SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries))];
        return texts.Length == 0 ? [Cpu] : texts;
    }

    /// <summary>Why a text can name no device on any host; null where it can.</summary>
    /// <param name="text">What <c>--device</c> says.</param>
    /// <param name="withLibrary">Whether a library of others is there, which has names of its own.</param>
    public static string? WhyNone(string text, bool withLibrary = false)
    {
        var parts = text.Split(':');
        var known = text == Cpu || (parts[0] == Ilgpu && parts.Length is 2 or 3 && Kinds.Contains(parts[1])
            && (parts.Length == 2 || (parts[1] != Cpu && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out _))));
        var maybe = withLibrary && parts.Length > 1 && !IsOurs(parts[0]) && !parts.Contains("");
        return known || maybe ? null : $"'{text}' is no device; write {Forms}{(withLibrary ? ", or a device of the library" : "")}.";
    }

    /// <summary>Whether a text means a device of ILGPU.</summary>
    public static bool IsOfIlgpu(string text) => text.StartsWith(Ilgpu + ":", StringComparison.Ordinal);

    /// <summary>Whether names of this program's own devices begin so, which no library's may.</summary>
    public static bool IsOurs(string name) => name is Cpu or Ilgpu;

    /// <summary>
    /// The devices that <paramref name="texts"/> name, in their order, each <paramref name="ranks"/> times: first every device once, then
    /// every device again, so that gpu i is the i-th device.
    /// </summary>
    /// <param name="texts">As <see cref="Split"/> gives them.</param>
    /// <param name="cpu">The CPU of this host.</param>
    /// <param name="found">What the backends found; empty where none was asked.</param>
    /// <param name="ranks">Ranks on each device.</param>
    /// <exception cref="CommandException">A text names nothing that is here.</exception>
    public static IReadOnlyList<DeviceDescription> Choose(
        IReadOnlyList<string> texts, DeviceDescription cpu, IReadOnlyList<DeviceDescription> found, int ranks)
    {
        List<DeviceDescription> chosen = [];
        foreach (var text in texts)
        {
            if (text == Cpu)
            {
                chosen.Add(cpu);
                continue;
            }

            var meant = found.Where(device => device.Device == text || device.Device.StartsWith(text + ":", StringComparison.Ordinal))
                .ToArray();
            if (meant.Length == 0)
                throw Missing(text, found);
            chosen.AddRange(meant);
        }

        return [.. Enumerable.Repeat(chosen, ranks).SelectMany(round => round)];
    }

    /// <summary>
    /// ILGPU itself would hand out its CPU device here without a word, a hundred times slower than the device <c>cpu</c>.
    /// </summary>
    private static CommandException Missing(string text, IReadOnlyList<DeviceDescription> found) => new(
        ExitCodes.Usage,
        $"There is no device {text} on this host. Found: "
            + $"{string.Join(", ", found.Select(device => $"{device.Device} ({device.Name})").DefaultIfEmpty("none"))}.",
        found.Any(device => device.Device != "ilgpu:cpu") || !IsOfIlgpu(text)
            ? "Choose one of these, or cpu. 'coordinator devices' shows more of them."
            : "Without a GPU choose cpu; ilgpu:cpu only simulates one, for checking kernels. For a GPU see that its driver is installed "
                + "and its device files are visible here.");
}
