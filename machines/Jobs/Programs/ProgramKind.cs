using System.Globalization;
using System.Numerics;
using static Coordinator.Machines.Jobs.JobSpecProblems;

namespace Coordinator.Machines.Jobs.Programs;

/// <summary>
/// What of a job follows from the program that it names: which of its settings that program reads, and what it takes. Whoever asks does
/// so of the job's kind and never compares a program's name, so that a new program is one entry of <see cref="ProgramKinds"/> and no other
/// change.
/// </summary>
public abstract class ProgramKind
{
    /// <summary>What <see cref="ModelSpec.Program"/> says.</summary>
    public abstract string Name { get; }

    /// <summary>Whether it reads a frozen data set of tokens, <see cref="JobSpec.Data"/>.</summary>
    public virtual bool ReadsTokens => false;

    /// <summary>Whether it can be given one.</summary>
    public virtual bool TakesData => ReadsTokens;

    /// <summary>
    /// Parameters of a model; beyond any limit they are still counted. Null: the spec does not say, and its ranks find out.
    /// </summary>
    public abstract BigInteger? CountParameters(ModelSpec model);

    /// <summary>
    /// Elements of four bytes that a rank holds at the least; in floating point, since what a stranger asks for may overflow any integer.
    /// </summary>
    internal abstract double LeastElements(JobSpec spec);

    /// <summary>Adds what is wrong with the settings that are this program's.</summary>
    internal abstract void CheckModel(JobSpecProblems problems, JobSpec spec);

    /// <summary>Adds what is wrong with training and model together.</summary>
    internal virtual void CheckPass(JobSpecProblems problems, JobSpec spec)
    {
    }

    /// <summary>Adds that the data, whose tokens have so many bytes each, are too few.</summary>
    internal virtual void CheckData(JobSpecProblems problems, JobSpec spec, int bytesPerToken)
    {
    }

    /// <summary>What must be frozen before a job is submitted and is not yet; null where nothing is missing.</summary>
    internal virtual JobSpecProblem? MissingFile(JobSpec spec) => null;

    /// <summary>Adds that there are more parameters than one array holds.</summary>
    private protected void CheckParameterCount(JobSpecProblems problems, ModelSpec model, string remedy)
    {
        if (CountParameters(model) is { } parameters && parameters > JobSpecValidator.MostParameters)
        {
            problems.Add(
                "model.channels",
                Text(model.Channels),
                $"small enough for at most {Text(JobSpecValidator.MostParameters)} parameters, where this model has "
                    + $"{parameters.ToString(CultureInfo.InvariantCulture)}",
                remedy);
        }
    }
}
