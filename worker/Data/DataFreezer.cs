using Coordinator.Disk;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;

namespace Coordinator.Worker.Data;

/// <summary>
/// Turns files into one frozen data set, named by its SHA-256, that no later edit of the files can change.
/// Text files are joined byte for byte, with one newline between two files where the first does not end in one.
/// Token shards are joined as plain uint16 tokens, without headers. Tables are rows of numbers to programs that read such, and text to
/// others. Everything is checked on the way, so that a job
/// cannot fail over its data after it was accepted.
/// </summary>
public sealed class DataFreezer
{
    private readonly string storeDirectory;

    /// <param name="storeDirectory">Where <c>&lt;sha256&gt;.bin</c> goes; created where it is missing.</param>
    public DataFreezer(string storeDirectory) => this.storeDirectory = storeDirectory;

    /// <summary>Finds and freezes what <c>--data</c> names; see <see cref="DataSource.Find"/>.</summary>
    /// <param name="path">A file, directory or glob; null for the repository's own sources and documents.</param>
    /// <param name="model">Its block and vocabulary are what the data must suffice for.</param>
    /// <param name="isBinary">Whether files are taken that are neither text nor tokens.</param>
    /// <exception cref="DataException">The data cannot be used, or the store not written.</exception>
    public DataSpec Freeze(string? path, ModelSpec model, bool isBinary = false) =>
        Freeze(DataSource.Find(path, Directory.GetCurrentDirectory(), isBinary), model);

    /// <summary>Freezes the files of a source.</summary>
    /// <exception cref="DataException">The data cannot be used, or the store not written.</exception>
    public DataSpec Freeze(DataSource source, ModelSpec model)
    {
        var kind = ProgramKinds.Find(model.Program);
        if (kind is { ReadsTables: true } && TableFreezer.IsTable(source))
            return TableFreezer.Freeze(source, storeDirectory);
        using var joined = JoinedData.Create(storeDirectory, kind is { IsLoaded: true } ? ushort.MaxValue + 1 : model.Vocab);
        foreach (var file in source.Files)
            joined.Add(file.Path, source.IsBinary);

        if (joined.Bytes == 0)
        {
            var why = source.Files is [var only] && RegularFile.IsOwnPipe(only.Path)
                ? "empty: the program that writes to this pipe wrote nothing; see that it runs without an error, and" : "empty;";
            throw new DataException(
                DataProblem.Empty, $"{source.Name}: {why} name data with at least {model.Block + 1L} tokens with --data");
        }

        var tokens = joined.Bytes / FrozenData.BytesPerToken(joined.Encoding);
        if (kind is not { IsLoaded: true } && WindowSampler.WindowCount(tokens, model.Block) < 1)
        {
            throw TooShort(source.Name, tokens, model.Block);
        }

        return joined.Commit(storeDirectory);
    }

    internal static DataException TooShort(string name, long tokens, int block) =>
        new(
            DataProblem.TooShort,
            $"{name}: {tokens} tokens, fewer than the {block + 1L} of one sample; name longer data with --data or lower --model.block");

    internal static DataException WrongFormat(string path, FileFormat format) =>
        new(DataProblem.WrongFormat, $"{path} is {format.Name}, and neither text nor a shard of 16-bit tokens: {format.Remedy}");

    internal static DataException Unreadable(string path, Exception cause) =>
        new(
            DataProblem.Unreadable,
            $"{path}: cannot be read ({cause.Message}); check its permissions, or leave it out with a glob in --data",
            cause);

    internal static DataException StoreUnwritable(string directory, Exception cause) =>
        new(
            DataProblem.StoreUnwritable,
            $"{directory}: cannot store data here ({StorageFailure.Words(cause)}); free space, or make the directory writable",
            cause);
}
