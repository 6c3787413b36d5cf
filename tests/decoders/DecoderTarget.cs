namespace Coordinator.Decoders;

/// <summary>
/// Something that reads bytes which a stranger, a disk or a network may have spoiled. It says how inputs look that are valid, and feeds
/// one to the reader; whatever the reader throws beyond its declared exceptions is a fault.
/// </summary>
public abstract class DecoderTarget
{
    /// <summary>Name, in lower case with dashes.</summary>
    public abstract string Name { get; }

    /// <summary>What is read, in a line.</summary>
    public abstract string About { get; }

    /// <summary>Bytes that reading an input of a length may allocate at most, freed or not: stated, and checked of every input.</summary>
    public abstract long MostAllocated(int length);

    /// <summary>Pieces that mean something to the reader; mutations insert them.</summary>
    public virtual IReadOnlyList<byte[]> Fragments => [];

    /// <summary>Whether reading goes on in other threads, so that what the whole process allocates is counted.</summary>
    public virtual bool UsesOtherThreads => false;

    /// <summary>
    /// Inputs that follow from each other: a failure is replayed from the start of its row. 1: none does.
    /// </summary>
    public virtual int RowLength => 1;

    /// <summary>Begins a row.</summary>
    public virtual void Begin(Dice dice)
    {
    }

    /// <summary>A valid input.</summary>
    public abstract byte[] Make(Dice dice);

    /// <summary>Feeds an input.</summary>
    /// <returns>Whether it was accepted; else it was refused in a declared way.</returns>
    /// <exception cref="PropertyBrokenException">The reader gave an answer that contradicts itself.</exception>
    public abstract bool Read(byte[] input);

    /// <summary>Throws where something does not hold.</summary>
    protected static void Hold(bool holds, string what)
    {
        if (!holds)
            throw new PropertyBrokenException(what);
    }
}

/// <summary>A reader's answer contradicts itself.</summary>
public sealed class PropertyBrokenException(string what) : Exception(what);

/// <summary>A reader failed on an input.</summary>
public sealed class DecoderFailedException(string target, ulong seed, long index, string why, Exception? cause) : Exception(
    $"{target}, seed {seed}, input {index}: {why}", cause)
{
    /// <summary>Number of the input, from 0.</summary>
    public long Index { get; } = index;
}
