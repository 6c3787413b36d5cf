namespace Coordinator.Machines;

/// <summary>What a device does to the state of its rank.</summary>
public enum StateTask
{
    /// <summary>Nothing: the state stands still.</summary>
    None,

    /// <summary>Sets it from the seed.</summary>
    Initialising,

    /// <summary>Reads it from a checkpoint.</summary>
    Loading,

    /// <summary>Runs the optimizer.</summary>
    Applying,
}

/// <summary>How an answer of the device stands to what was asked of it.</summary>
public enum WorkEnd
{
    /// <summary>It answers what was ended before. Nothing follows from it.</summary>
    Stale,

    /// <summary>The device has ended what writes the state, and the state was given up meanwhile.</summary>
    Discarded,

    /// <summary>It is what was waited for.</summary>
    Done,
}

/// <summary>
/// What a rank has asked of its device and has not heard the end of. Each piece of work has a ticket, and an answer under any other ticket
/// than that of the work under way is stale: so nothing that was ended can be taken for the end of what was begun after it, and no branch
/// of the rank keeps flags of its own that another branch would have to reset.
/// <para>
/// At a time one shard is computed, the state is written by one task, and it is hashed once. Work ends by its answer, by
/// <see cref="CancelComputing"/>, or all at once by <see cref="Fail"/>. <see cref="Discard"/> does not end what writes the state, since
/// nobody else may write before the device has ended; it only makes the outcome worthless.
/// </para>
/// </summary>
public sealed class DeviceWork
{
    private long tickets;
    private long computing;
    private long writing;
    private long hashing;
    private bool discarded;
    private bool gradientIsThere;

    /// <summary>A shard is being computed, or is computed and not yet kept.</summary>
    public bool IsComputing => computing != 0;

    /// <summary>The shard that was computed is there, and waits to be kept or dropped.</summary>
    public bool HasGradient => IsComputing && gradientIsThere;

    /// <summary>The shard that is computed; meaningless unless <see cref="IsComputing"/>.</summary>
    public int Shard { get; private set; }

    /// <summary>What writes the state.</summary>
    public StateTask Writing { get; private set; }

    /// <summary>The device is writing the state, and nobody else may before it has ended.</summary>
    public bool IsWriting => Writing != StateTask.None;

    /// <summary>The optimizer runs.</summary>
    public bool IsApplying => Writing == StateTask.Applying;

    /// <summary>The state is being hashed as it stands now.</summary>
    public bool IsHashing => hashing != 0;

    /// <summary>A shard is asked for. Returns its ticket.</summary>
    /// <exception cref="InvalidOperationException">Another is under way.</exception>
    public long BeginComputing(int shard)
    {
        if (IsComputing)
            throw new InvalidOperationException($"shard {shard} is asked for while shard {Shard} is computed");
        (Shard, gradientIsThere) = (shard, false);
        return computing = ++tickets;
    }

    /// <summary>The device has computed a shard. True where it is the one under way.</summary>
    public bool TakeGradient(long ticket) => ticket != 0 && ticket == computing && (gradientIsThere = true);

    /// <summary>The gradient that is there is kept, which ends its computing. Returns its ticket.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public long KeepGradient()
    {
        if (!HasGradient)
            throw new InvalidOperationException("a gradient is kept that was not computed");
        var ticket = computing;
        CancelComputing();
        return ticket;
    }

    /// <summary>What is computed is no longer wanted. True where anything was: then the device is to be told.</summary>
    public bool CancelComputing()
    {
        var was = IsComputing;
        (computing, gradientIsThere) = (0, false);
        return was;
    }

    /// <summary>A task begins to write the state. Returns its ticket.</summary>
    /// <exception cref="InvalidOperationException">Another is under way.</exception>
    public long BeginWriting(StateTask task)
    {
        if (IsWriting)
            throw new InvalidOperationException($"{task} is asked for during {Writing}");
        (Writing, discarded) = (task, false);
        return writing = ++tickets;
    }

    /// <summary>The device has ended writing the state.</summary>
    public WorkEnd EndWriting(long ticket)
    {
        if (ticket == 0 || ticket != writing)
            return WorkEnd.Stale;
        var end = discarded ? WorkEnd.Discarded : WorkEnd.Done;
        EndWriting();
        return end;
    }

    /// <summary>The state is to be hashed as it stands now. Returns the ticket.</summary>
    public long BeginHashing() => hashing = ++tickets;

    /// <summary>The device has hashed the state. True where it is the state of now.</summary>
    public bool EndHashing(long ticket)
    {
        if (ticket == 0 || ticket != hashing)
            return false;
        hashing = 0;
        return true;
    }

    /// <summary>
    /// The state is given up: what is being written comes to nothing when it ends, and no hash of it is waited for. Computing from it is
    /// cancelled apart, since the device is told of that.
    /// </summary>
    public void Discard()
    {
        discarded = IsWriting;
        hashing = 0;
    }

    /// <summary>The device has failed, and answers nothing that it was asked: all work has ended.</summary>
    public void Fail()
    {
        CancelComputing();
        EndWriting();
        hashing = 0;
    }

    private void EndWriting() => (writing, Writing, discarded) = (0, StateTask.None, false);
}
