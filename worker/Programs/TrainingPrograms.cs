using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Worker.Assemblies;

namespace Coordinator.Worker.Programs;

/// <summary>The training programs that this worker can make: one entry for each of <see cref="ProgramKinds"/>.</summary>
public static class TrainingPrograms
{
    private static readonly IReadOnlyDictionary<string, Func<JobSpec, string, ITrainingProgram>> Makers = new Dictionary<string,
        Func<JobSpec, string, ITrainingProgram>>
    {
        ["gpt"] = (spec, _) => new ContractProgram(spec, () => new GptProgram(spec.Model, spec.Training.Seed)),
        ["linear"] = (spec, _) => new ContractProgram(spec, () => new LinearProgram(spec)),
        ["dotnet"] = (spec, folder) => AssemblyProgram.Load(spec, folder),
        ["process"] = (spec, _) => new ProcessProgram(spec),
    };

    /// <summary>Names of all programs that can be made.</summary>
    public static IEnumerable<string> Names => Makers.Keys;

    /// <summary>The program that <paramref name="spec"/> names, for its shape.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="folder">The unpacked files of a team's own program; empty where it has none.</param>
    /// <exception cref="InvalidJobException">A value of the specification is out of range.</exception>
    public static ITrainingProgram Create(JobSpec spec, string folder = "")
    {
        if (WhyInvalid(spec) is { } reason) throw new InvalidJobException(reason);
        return Makers[spec.Model.Program](spec, folder);
    }

    /// <summary>
    /// What keeps <paramref name="spec"/>'s program from being computed, naming the value and the remedy; null when nothing does.
    /// </summary>
    public static string? WhyInvalid(JobSpec spec) =>
        JobSpecValidator.ValidateComputation(spec) is [var first, ..] ? first.ToString() : null;
}
