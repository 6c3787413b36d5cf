namespace Coordinator.Programs;

/// <summary>What a program is told of its job, before anything is computed. The same on every rank.</summary>
public sealed class ProgramJob
{
    /// <summary>The program's own settings, from the job file's section <c>settings</c> or as <c>--settings.NAME=VALUE</c>.</summary>
    public ProgramSettings Settings { get; init; } = new(new Dictionary<string, string>());

    /// <summary>The job's seed. First values and the order of samples follow from it without the program's doing.</summary>
    public ulong Seed { get; init; }

    /// <summary>Steps of the job.</summary>
    public long Steps { get; init; }

    /// <summary>Samples of a step.</summary>
    public int BatchSize { get; init; }

    /// <summary>Most samples of a <see cref="Pass"/>.</summary>
    public int MicroBatch { get; init; }

    /// <summary>Numbers in a row of the job's table; 0 where its data are no table.</summary>
    public int Columns { get; init; }

    /// <summary>Rows of the table, or tokens of the text; 0 without data.</summary>
    public long Samples { get; init; }

    /// <summary>The table's number of columns, where the program needs one.</summary>
    /// <param name="least">Fewest columns that it can compute with.</param>
    /// <exception cref="ProgramException">The data are no table, or of fewer columns.</exception>
    public int NeedColumns(int least = 1) => Columns == 0
        ? throw new ProgramException("the program reads rows of a table, and the job's data are none; name a .csv or .tsv file of numbers "
        + "with --data")
        : Columns >= least ? Columns
        : throw new ProgramException($"the table has {Columns} columns and the program needs {least} or more; name another with --data");
}
