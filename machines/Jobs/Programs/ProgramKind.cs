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
    /// <summary>Longest text of a key that speaks of a team's own program.</summary>
    private protected const int MostText = 4096;

    /// <summary>What <see cref="ModelSpec.Program"/> says.</summary>
    public abstract string Name { get; }

    /// <summary>Whether it reads a frozen data set of tokens, <see cref="JobSpec.Data"/>.</summary>
    public virtual bool ReadsTokens => false;

    /// <summary>Whether it can be given one.</summary>
    public virtual bool TakesData => ReadsTokens;

    /// <summary>Whether tables of numbers are rows of numbers to it, and not text.</summary>
    public virtual bool ReadsTables => false;

    /// <summary>Whether it is a team's own, whose files the job brings: <see cref="JobSpec.Program"/>.</summary>
    public virtual bool IsOwn => false;

    /// <summary>Whether it is the worker itself that loads it, so that what it needs can be asked of it before anything is spent on
    /// it.</summary>
    public virtual bool IsLoaded => false;

    /// <summary>Whether it is a process beside each rank, which starts, speaks into a log and is ended.</summary>
    public bool IsProcess => IsOwn && !IsLoaded;

    /// <summary>Whether it has settings of its own, <see cref="JobSpec.Settings"/>.</summary>
    public virtual bool ReadsSettings => false;

    /// <summary>Whether its models go on with a text.</summary>
    public virtual bool WritesText => false;

    /// <summary>Whether a team's own program that is called so is of this kind; of several kinds the first counts.</summary>
    internal virtual bool Takes(string entry) => false;

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

    /// <summary>Adds what is wrong with the names of a team's own files.</summary>
    private protected static void CheckFiles(JobSpecProblems problems, ProgramSpec program, string example)
    {
        if (program.Entry.Length is 0 or > MostText || program.Entry.StartsWith('/')
            || program.Entry.Split('/').Any(part => part is "" or "." or "..") || !PlainText.IsPlain(program.Entry))
        {
            problems.Add(
                "program.entry",
                $"'{Printable(program.Entry)}'",
                $"a path within the program's folder, such as {example}",
                "name a file of that folder");
        }

        if (program.Sha256.Length > 0 && !JobSpecValidator.IsHash(program.Sha256))
        {
            problems.Add(
                "program.sha256",
                $"'{Printable(program.Sha256)}'",
                "64 lower-case hexadecimal digits",
                "give the program's hash, or the program itself with --program");
        }
    }

    /// <summary>That a team's own program is not frozen yet; null where it is.</summary>
    private protected static JobSpecProblem? MissingProgram(JobSpec spec) => spec.Program is { Sha256.Length: 0 }
        ? new JobSpecProblem("program.sha256", "empty", "the hash of a frozen program", "submit with 'coordinator train --program'")
        : null;
}
