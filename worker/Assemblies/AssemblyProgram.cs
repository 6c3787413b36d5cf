using Coordinator.Machines.Jobs;
using Coordinator.Programs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.Assemblies;

/// <summary>
/// A team's own program in an assembly. Its settings, tensors and samples are looked at before anything is computed, by the same words for
/// whoever submits the job and for the worker.
/// </summary>
internal sealed class AssemblyProgram : ContractProgram, IDisposable
{
    private readonly JobSpec spec;
    private readonly ProgramAssembly assembly;

    private AssemblyProgram(JobSpec spec, ProgramAssembly assembly)
        : base(spec, () => Make(spec, assembly)) =>
        (this.spec, this.assembly) = (spec, assembly);

    /// <summary>Loads the program of a job.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="folder">Its unpacked files.</param>
    /// <exception cref="InvalidJobException">There is no such program, or it cannot compute the job.</exception>
    public static AssemblyProgram Load(JobSpec spec, string folder)
    {
        if (spec.Program is not { } own || folder.Length == 0)
            throw new InvalidJobException("The job names no program of its own.");
        var assembly = ProgramAssembly.Load(Path.Combine(folder, own.Entry));
        try
        {
            return new AssemblyProgram(spec, assembly);
        }
        catch
        {
            assembly.Dispose();
            throw;
        }
    }

    public override IRankDevice Watch(IRankDevice device) => new AssemblyDevice(device, spec, assembly, Layout);

    /// <summary>For a program of which no device was made; else that owns the assembly.</summary>
    public void Dispose() => assembly.Dispose();

    private static TrainingProgram Make(JobSpec spec, ProgramAssembly assembly)
    {
        var data = spec.Data;
        var job = new ProgramJob
        {
            Settings = new ProgramSettings((spec.Settings ?? JobSettings.Empty).ByName),
            Seed = spec.Training.Seed,
            Steps = spec.Training.Steps,
            BatchSize = spec.Training.BatchSize,
            MicroBatch = spec.Training.MicroBatch,
            Columns = data.Columns,
            Samples = data.Sha256.Length > 0 ? data.Bytes / data.BytesPerSample : 0,
        };
        var program = assembly.Make(job);
        return WhyUnfit(program, job, data) is { } why ? throw new InvalidJobException($"{assembly.Name}: {why}") : program;
    }

    private static string? WhyUnfit(TrainingProgram program, ProgramJob job, DataSpec data)
    {
        if (job.Settings.Given.Except(job.Settings.Read, StringComparer.Ordinal).FirstOrDefault() is { } unknown)
        {
            var has = job.Settings.Read.Count == 0 ? "it has no settings"
                : $"it has {string.Join(", ", job.Settings.Read.Select(name => $"settings.{name}"))}";
            return $"settings.{unknown} is no setting of this program; {has}";
        }

        if (program.Tensors.Count == 0)
            return "the program declares no tensors in its constructor, so there is nothing to train";
        return program.Samples.Kind switch
        {
            SampleKind.None => null,
            _ when data.Sha256.Length == 0 => $"the program reads {Noun(program.Samples)}, and the job has no data; name them with --data",
            SampleKind.Rows when data.Columns == 0 =>
                "the program reads rows of a table, and the job's data are none; name a .csv or .tsv file of numbers with --data",
            SampleKind.Windows when data.Columns > 0 => "the program reads windows of tokens, and the job's data are a table; name a text "
                + "or token file with --data, or take the table's bytes as they are with --binary",
            SampleKind.Windows when job.Samples < program.Samples.Tokens =>
                $"the program reads windows of {program.Samples.Tokens} tokens, and the job's data have {job.Samples}; name longer data "
                    + $"with --data",
            _ => null,
        };
    }

    private static string Noun(Samples samples) => samples.Kind == SampleKind.Rows ? "rows of a table"
        : $"windows of {samples.Tokens} tokens";
}
