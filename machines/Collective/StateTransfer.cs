namespace Coordinator.Machines;

/// <summary>
/// The state on its way between ranks: blocks that this one fetches, and requests of others that it cannot serve yet. A state is whole when
/// every block has come, and a state that is being fetched is served to nobody.
/// </summary>
internal sealed class StateTransfer(RankContext context)
{
    private readonly List<FrameHeader> requests = [];
    private bool[]? have;
    private int missing;

    /// <summary>Whether the state is being fetched.</summary>
    public bool IsFetching => have is not null;

    /// <summary>Whether no block of it has come yet.</summary>
    public bool IsUntouched => missing == have!.Length;

    /// <summary>Asks donors for the state of a step.</summary>
    public void Begin(long step, IEnumerable<DonorRun> donors)
    {
        have = new bool[context.Options.StateBlocks];
        missing = have.Length;
        foreach (var donor in donors)
            context.Send(context.Header(FrameKind.StateRequest, donor.Rank, step) with { Block = donor.Start, Count = donor.Count });
    }

    /// <summary>Whether a block is missing.</summary>
    public bool Lacks(int block) => have is not null && block < have.Length && !have[block];

    /// <summary>A block has come. True where it was the last.</summary>
    public bool Add(int block)
    {
        have![block] = true;
        if (--missing > 0)
            return false;
        have = null;
        return true;
    }

    /// <summary>A request waits until the rank is at the step asked for.</summary>
    public void Postpone(FrameHeader request) => requests.Add(request);

    /// <summary>Requests that wait. Whoever still cannot be served is postponed again.</summary>
    public FrameHeader[] TakeRequests()
    {
        FrameHeader[] waiting = [.. requests];
        requests.Clear();
        return waiting;
    }

    /// <summary>Sends the blocks asked for.</summary>
    public void Serve(FrameHeader request)
    {
        for (var block = request.Block; block < Math.Min(request.Block + (long)request.Count, context.Options.StateBlocks); block++)
        {
            context.Do(new SendFrame(context.Header(FrameKind.State, request.From, request.Step) with { Block = block },
                PayloadSource.State));
        }
    }

    /// <summary>The generation is over.</summary>
    public void Clear()
    {
        requests.Clear();
        have = null;
    }
}
