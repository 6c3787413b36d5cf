using Coordinator.Machines.Jobs;

namespace Coordinator.Worker.Programs;

/// <summary>The built-in training programs.</summary>
public static class TrainingPrograms
{
    /// <summary>The program that <paramref name="spec"/> names, for its shape.</summary>
    /// <exception cref="InvalidJobException">A value of the specification is out of range.</exception>
    public static ITrainingProgram Create(JobSpec spec)
    {
        if (WhyInvalid(spec) is { } reason) throw new InvalidJobException(reason);
        return spec.Model.Program == "linear" ? new LinearProgram(spec) : new GptProgram(spec);
    }

    /// <summary>What keeps <paramref name="spec"/>'s program from being computed, naming the value and the remedy; null when nothing does.</summary>
    public static string? WhyInvalid(JobSpec spec) => JobSpecValidator.ValidateComputation(spec) is [var first, ..] ? first.ToString() : null;
}
