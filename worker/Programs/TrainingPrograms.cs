using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;

namespace Coordinator.Worker.Programs;

/// <summary>The training programs that this worker can make: one entry for each of <see cref="ProgramKinds"/>.</summary>
public static class TrainingPrograms
{
    private static readonly IReadOnlyDictionary<string, Func<JobSpec, ITrainingProgram>> Makers =
        new Dictionary<string, Func<JobSpec, ITrainingProgram>>
        {
            ["gpt"] = spec => new GptProgram(spec),
            ["linear"] = spec => new LinearProgram(spec),
            ["process"] = spec => new ProcessProgram(spec),
        };

    /// <summary>Names of all programs that can be made.</summary>
    public static IEnumerable<string> Names => Makers.Keys;

    /// <summary>The program that <paramref name="spec"/> names, for its shape.</summary>
    /// <exception cref="InvalidJobException">A value of the specification is out of range.</exception>
    public static ITrainingProgram Create(JobSpec spec)
    {
        if (WhyInvalid(spec) is { } reason) throw new InvalidJobException(reason);
        return Makers[spec.Model.Program](spec);
    }

    /// <summary>
    /// What keeps <paramref name="spec"/>'s program from being computed, naming the value and the remedy; null when nothing does.
    /// </summary>
    public static string? WhyInvalid(JobSpec spec) =>
        JobSpecValidator.ValidateComputation(spec) is [var first, ..] ? first.ToString() : null;
}
