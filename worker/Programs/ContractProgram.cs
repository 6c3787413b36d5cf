using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Programs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>A program behind the public contract: those that are built in, and a team's own.</summary>
internal class ContractProgram : ITrainingProgram
{
    private readonly JobSpec spec;
    private readonly Func<TrainingProgram> make;

    /// <summary>A program for a job.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="make">Makes an object of it; each device has its own.</param>
    public ContractProgram(JobSpec spec, Func<TrainingProgram> make)
    {
        (this.spec, this.make) = (spec, make);
        using var program = make();
        Layout = ParameterLayout.Of(program);
        Samples = program.Samples;
    }

    public ParameterLayout Layout { get; }

    public Samples Samples { get; }

    public TrainingProgram? Open() => make();

    public IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options)
    {
        SampleReader reader = new(Samples, spec.Data.Columns, samples);
        if (JobMemory.LeastBytes(spec, Layout.ParameterCount) is var needed && needed > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
        {
            // Asked for all the same, the system would promise it, and kill the worker where the promise is called in. Another worker may
            // have it.
            throw new RankFaultException(
                FaultKind.Unknown,
                $"a rank needs at least {JobMemory.Text(needed)} of memory and this worker may use "
                    + $"{JobMemory.Text(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)}; "
                + (spec.Program is null
                    ? "lower model.block, training.micro_batch, model.layers or model.channels"
                    : $"give the program fewer parameters, it has {Layout.ParameterCount}"));
        }

        return new CpuDevice(spec, Layout, KernelFactory.Create(options.Width, options.Threads), make(), reader);
    }

    public virtual IRankDevice Watch(IRankDevice device) => device;
}
