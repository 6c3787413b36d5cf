using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Programs;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>How a device computes one of the programs that jobs can name.</summary>
/// <param name="Make">Its part of a device.</param>
/// <param name="Activations">Elements that it takes on the device beside state and gradients.</param>
/// <param name="WhyNot">Why the device cannot compute a job that another one may; null where it can.</param>
internal sealed record DeviceProgramEntry(
    Func<JobSpec, ITrainingProgram, ISampleSource?, Accelerator, AcceleratorStream, DeviceKernels, IDeviceProgram> Make,
    Func<JobSpec, long> Activations,
    Func<JobSpec, ITrainingProgram, string?> WhyNot);

/// <summary>The programs that ILGPU's devices compute: those of <see cref="ProgramKinds"/> that have kernels.</summary>
internal static class DevicePrograms
{
    private static readonly IReadOnlyDictionary<string, DeviceProgramEntry> Entries = new Dictionary<string, DeviceProgramEntry>
    {
        ["gpt"] = new(
            (spec, _, samples, accelerator, stream, kernels) =>
                new GptDeviceProgram(spec, samples ?? throw new ArgumentNullException(nameof(samples)), accelerator, stream, kernels),
            spec => GptDeviceActivations.Floats(
                spec.Model,
                Math.Min(spec.Training.MicroBatch, (spec.Training.BatchSize + spec.Training.Shards - 1) / spec.Training.Shards)),
            (spec, _) => WhyNotGpt(spec)),
        ["linear"] = new((spec, _, _, accelerator, stream, kernels) => new LinearDeviceProgram(spec, accelerator, stream, kernels), _ => 0,
            (_, _) => null),
        ["dotnet"] = new(
            (spec, program, samples, accelerator, stream, kernels) => new OwnDeviceProgram(spec, program.Open()!, samples, accelerator,
                stream, kernels),
            OwnDeviceProgram.Elements,
            (_, program) => OwnDeviceProgram.WhyNot(program)),
    };

    /// <summary>The entry of a job's program, which <see cref="WhyNot"/> has found to be there.</summary>
    public static DeviceProgramEntry Of(JobSpec spec) => Entries[spec.Model.Program];

    /// <summary>Why these devices cannot compute a job; null where they can.</summary>
    public static string? WhyNot(JobSpec spec, ITrainingProgram program) => Entries.TryGetValue(spec.Model.Program,
        out var entry)
        ? entry.WhyNot(spec, program)
        : $"The ILGPU device has no kernels for the program {spec.Model.Program}. Choose the cpu device.";

    private static string? WhyNotGpt(JobSpec spec)
    {
        var model = spec.Model;
        if (model.Channels / model.Heads is > AttentionLaunch.MaxHeadSize and var size)
        {
            return $"The model's heads have {size} channels; the ILGPU device has room for {AttentionLaunch.MaxHeadSize}. Choose more "
                + "heads, or the cpu device.";
        }

        // Kernels count the elements of a matrix in 32 bits.
        var most = int.MaxValue / ((long)model.Block * Math.Max(model.Vocab, 4 * model.Channels));
        return spec.Training.MicroBatch <= most || spec.Training.BatchSize / spec.Training.Shards < most
            ? null
            : $"The micro-batch is {spec.Training.MicroBatch} samples; the ILGPU device takes at most {most} of this model. Lower "
                + "training.micro_batch.";
    }
}
