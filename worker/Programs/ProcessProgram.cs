using Coordinator.Machines.Jobs;
using Coordinator.Programs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.External;

namespace Coordinator.Worker.Programs;

/// <summary>A team's own program, in a process beside the worker. What its parameters are is known once the process has said so.</summary>
internal sealed class ProcessProgram(JobSpec spec) : ITrainingProgram
{
    public ParameterLayout Layout { get; } = ParameterLayout.Unknown;

    public Samples Samples => Samples.None;

    public TrainingProgram? Open() => null;

    public IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options) => new ProgramDevice(
        spec,
        options.Launch ?? throw OwnPrograms.Refused(user: null),
        options.Cancel);
}
