namespace Coordinator.Worker.Data;

/// <summary>What is wrong with training data.</summary>
public enum DataProblem
{
    /// <summary>The path, or what a glob should match, does not exist.</summary>
    Missing,

    /// <summary>There is a file but nothing in it, or a directory without a usable file.</summary>
    Empty,

    /// <summary>The operating system refuses to read it.</summary>
    Unreadable,

    /// <summary>Fewer than Block + 1 tokens: not one window.</summary>
    TooShort,

    /// <summary>A token is not below the model's vocabulary.</summary>
    TokenOutOfRange,

    /// <summary>A token shard's size does not agree with its header, or with two bytes a token.</summary>
    SizeMismatch,

    /// <summary>A token shard of a version that cannot be read.</summary>
    UnknownVersion,

    /// <summary>Text and token shards together.</summary>
    MixedKinds,

    /// <summary>Something else than text or tokens: an archive, an image, text in another encoding, tokens of another width.</summary>
    WrongFormat,

    /// <summary>A folder holds a training set and a held-out set side by side.</summary>
    MixedSets,

    /// <summary>The store has no such data, and there is nowhere to fetch it from.</summary>
    NotInStore,

    /// <summary>Bytes do not have the hash or the size that they were frozen with.</summary>
    Corrupt,

    /// <summary>The data store cannot be written.</summary>
    StoreUnwritable,
}

/// <summary>Training data that cannot be used. The message names the path or value and ends with the remedy.</summary>
public sealed class DataException : Exception
{
    /// <summary>Says what is wrong, with what, and what to do about it.</summary>
    public DataException(DataProblem problem, string message, Exception? cause = null)
        : base(message, cause) => Problem = problem;

    /// <summary>The kind of problem.</summary>
    public DataProblem Problem { get; }
}
