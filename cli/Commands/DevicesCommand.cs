using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Cli.Workers;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Cli.Commands;

/// <summary><c>devices</c>: what this host can compute on.</summary>
public static class DevicesCommand
{
    private static readonly IReadOnlyList<Column> Columns = [new("DEVICE"), new("NAME"), new("MEMORY"), new("CLASS"), new("PCI", true)];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var library = DeviceOptionSet.LibraryOption();
        var format = OutputOption.Create();
        var command = new Command(
            "devices",
            "List the devices of this host: what to write after --device, and the class that decides their bits.") { library, format };
        command.SetAction(parsed =>
        {
            using var backends = DeviceBackendSet.Open(withIlgpu: true, library.Full(parsed));
            DeviceDescription[] devices = [.. CpuDeviceClass.Devices(1), .. backends.List()];
            new Listing("DeviceList", new JsonArray([.. devices.Select(Document)]), Columns, [.. devices.Select(Row)])
                .Print(Console.Out, parsed.GetValue(format));
            return ExitCodes.Success;
        });
        return command;
    }

    private static JsonNode Document(DeviceDescription device) => new JsonObject
    {
        ["device"] = device.Device,
        ["name"] = device.Name,
        ["memoryBytes"] = device.MemoryBytes,
        ["deviceClass"] = device.DeviceClass,
        ["pciBusId"] = device.PciBusId,
    };

    private static IReadOnlyList<string> Row(DeviceDescription device) =>
    [
        device.Device, device.Name, $"{(device.MemoryBytes / (double)(1L << 30)).ToString("0.0", CultureInfo.InvariantCulture)} GiB",
        device.DeviceClass,
        device.PciBusId.Length > 0 ? device.PciBusId : "-",
    ];
}
