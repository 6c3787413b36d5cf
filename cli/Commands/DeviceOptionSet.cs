using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Cli.Workers;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Cli.Commands;

/// <summary><c>--device</c> and <c>--device-library</c>, for commands that compute or start workers that do.</summary>
public sealed class DeviceOptionSet
{
    private readonly Option<string[]> device = new("--device")
    {
        Description = $"What computes: {DeviceSelection.Forms}; without N all of that kind. Repeatable, or with commas between them; one "
            + "device is one rank, one that is named twice holds two. 'coordinator devices' lists them.",
    };

    private readonly PathOption library = LibraryOption();

    /// <summary><c>--device-library</c>.</summary>
    public static PathOption LibraryOption() => new(PathUse.Read, DeviceSelection.LibraryOption)
    {
        Description = "An assembly of devices that this program does not have, an IDeviceBackend of others: 'coordinator devices' lists "
            + "them, and --device takes their names.",
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        device.Validators.Add(result =>
        {
            foreach (var text in DeviceSelection.Split(result.Tokens.Select(token => token.Value)))
            {
                if (DeviceSelection.WhyNone(text, result.GetResult(library) is { Implicit: false }) is { } wrong)
                    result.AddError(wrong);
            }
        });
        library.Validators.Add(result =>
        {
            if (result.GetResult(device) is not { Implicit: false })
                result.AddError($"{DeviceSelection.LibraryOption} brings devices, and none of them is named: name one with --device.");
        });
        command.Add(device);
        command.Add(library);
    }

    /// <summary>Whether a device was named.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(device) is { Length: > 0 };

    /// <summary>The devices that were named, each <paramref name="ranks"/> times, and what makes those that are not the CPU.</summary>
    /// <exception cref="CommandException">A device is not here, or the library is not.</exception>
    public ChosenDevices Choose(ParseResult parsed, int ranks, VectorWidth width = VectorWidth.Auto)
    {
        var texts = DeviceSelection.Split(parsed.GetValue(device));
        var backends = DeviceBackendSet.Open(texts.Any(DeviceSelection.IsOfIlgpu), library.Full(parsed));
        try
        {
            return new ChosenDevices(DeviceSelection.Choose(texts, CpuDeviceClass.Devices(1, width)[0], backends.List(), ranks), backends);
        }
        catch
        {
            backends.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Arguments for worker processes of this machine: rank r of worker w computes on device number w x <paramref name="gpusPerWorker"/> +
    /// r of those named, beginning again behind the last. Empty where no device was named.
    /// </summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="gpusPerWorker">Ranks in each worker.</param>
    /// <param name="wantedClass">The class that the job is kept to, or its first words; empty: any.</param>
    /// <exception cref="CommandException">A device or the library is not here, the devices are of several classes, or of another than the
    /// job's.</exception>
    public Func<int, IEnumerable<string>> ForWorkers(ParseResult parsed, int gpusPerWorker, string wantedClass = "")
    {
        if (!IsGiven(parsed))
        {
            RefuseOther(wantedClass, CpuDeviceClass.Name());
            return _ => ["--gpus", $"{gpusPerWorker}"];
        }

        using var chosen = Choose(parsed, ranks: 1);
        var devices = chosen.Devices;
        if (devices.Select(one => one.DeviceClass).Distinct().ToArray() is { Length: > 1 } classes)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The devices are of {classes.Length} classes, {string.Join(" and ", classes)}: their ranks would compute different bits, "
                    + "and a job never mixes classes.",
                "Name devices of one class with --device; 'coordinator devices' shows each device's class.");
        }

        RefuseOther(wantedClass, devices[0].DeviceClass);
        string[] from = library.Full(parsed) is { } path ? [DeviceSelection.LibraryOption, path] : [];
        return worker =>
        [
            "--device", string.Join(
                ',', Enumerable.Range(0, gpusPerWorker).Select(rank => devices[((worker * gpusPerWorker) + rank) % devices.Count].Device)),
            .. from,
        ];
    }

    /// <summary>All workers are ours: a class that none of them has will never come, and the job would wait for it without end.</summary>
    private static void RefuseOther(string wantedClass, string found)
    {
        if (!DeviceClasses.Matches(wantedClass, found))
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The job is kept to devices of class {wantedClass} (job.device_class), and those of its workers are of class {found}: no "
                    + "rank could take part.",
                "Name a device of that class with --device, or leave job.device_class out; 'coordinator devices' shows each device's "
                    + "class.");
        }
    }
}

/// <summary>Devices for the ranks of one process.</summary>
/// <param name="Devices">By the gpu's index.</param>
/// <param name="Backends">Make those that are not the CPU.</param>
public sealed record ChosenDevices(IReadOnlyList<DeviceDescription> Devices, DeviceBackendSet Backends) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Backends.Dispose();
}
