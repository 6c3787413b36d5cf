namespace Coordinator.Machines.Gangs;

/// <summary>
/// How long an agent may let its processes run: until T after it was heard by the job, or by a majority of the panel. What counts is when
/// the agent itself had sent what was answered, so no delay on the way makes a lease longer than whoever answered it believes.
/// </summary>
public sealed class GangLease
{
    private readonly TimeSpan lease;
    private readonly TimeSpan alone;
    private readonly Dictionary<int, TimeSpan> peers = [];
    private readonly int majority;
    private readonly int self;
    private TimeSpan byJob;

    /// <summary>A lease.</summary>
    /// <param name="now">When it begins, in monotonic time.</param>
    /// <param name="spec">T, and how long agents go on among themselves.</param>
    /// <param name="panel">Indexes of the panel.</param>
    /// <param name="self">Own index.</param>
    public GangLease(TimeSpan now, GangSpec spec, IReadOnlyCollection<int> panel, int self)
    {
        (lease, alone, byJob, this.self) = (spec.Lease, spec.Alone, now, self);
        majority = LeasePanel.Majority(panel.Count);
        foreach (var index in panel)
            peers[index] = index == self ? TimeSpan.MaxValue : now;
    }

    /// <summary>When the processes must be killed, unless somebody answers first.</summary>
    public TimeSpan Until
    {
        get
        {
            var jobUntil = byJob + lease;
            var peersUntil = peers.Values.OrderDescending().ElementAt(majority - 1);
            if (peersUntil != TimeSpan.MaxValue)
                peersUntil += lease;
            var aloneUntil = byJob + alone;
            peersUntil = peersUntil < aloneUntil ? peersUntil : aloneUntil;
            return jobUntil > peersUntil ? jobUntil : peersUntil;
        }
    }

    /// <summary>When the job is silent for so long that peers are to be asked.</summary>
    public TimeSpan AskPeersAt => byJob + (lease / 2);

    /// <summary>The job had heard what was sent then.</summary>
    public void RenewByJob(TimeSpan sentAt) => byJob = sentAt > byJob ? sentAt : byJob;

    /// <summary>A peer had heard what was sent then, and takes part in the generation.</summary>
    public void RenewByPeer(int index, TimeSpan sentAt)
    {
        if (peers.TryGetValue(index, out var before) && sentAt > before)
            peers[index] = sentAt;
    }

    /// <summary>The agent takes part no more: from now on its own voice, too, keeps nothing alive, as the others' will not.</summary>
    public void Leave(TimeSpan now)
    {
        if (peers.ContainsKey(self))
            peers[self] = now;
    }
}
