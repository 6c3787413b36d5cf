using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.External;

namespace Coordinator.Worker.Programs;

/// <summary>A team's own program, in a process beside the worker. What its parameters are is known once the process has said so.</summary>
internal sealed class ProcessProgram(JobSpec spec) : ITrainingProgram
{
    public ParameterLayout Layout { get; } = new ParameterLayout.Builder().Build();

    public bool NeedsSamples => false;

    public IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options) => new ProgramDevice(
        spec,
        options.Launch ?? throw new RankFaultException(
            FaultKind.Worker, "this worker runs no programs of jobs, since whoever may submit one could run anything on its host; start it "
                + "with --allow-programs, and with --program-user where it can"),
        options.Cancel);
}
