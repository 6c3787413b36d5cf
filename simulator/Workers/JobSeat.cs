using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Simulator.Workers;

/// <summary>What an agent knows of one job.</summary>
internal sealed class JobSeat
{
    private readonly List<(int Gpu, FrameHeader Header, ulong Word, FrameHeader Truth)> early = [];
    private (long Incarnation, long Generation) obeyed;

    public Membership? Members { get; private set; }
    public JobSpec? Spec { get; private set; }
    public long Incarnation { get; private set; }

    /// <summary>What the plans of the newest generation share; null before it has come.</summary>
    public ShardsAssigned? Assignment { get; set; }

    public SortedDictionary<int, SimulatedRank> Ranks { get; } = [];

    /// <summary>Ranks whose programs are being made, by gpu.</summary>
    public SortedDictionary<int, SlowStart> Preparing { get; } = [];

    /// <summary>Peers lost in the known generation, for ranks whose first order comes after the loss.</summary>
    public List<PeerLost> Losses { get; } = [];

    public void Adopt(Membership members, MembershipChange change)
    {
        Members = members;
        Incarnation = change.Incarnation;
        Spec = change.Spec ?? Spec;
        early.Clear();
        Losses.Clear();
    }

    /// <summary>Whether an order is not older than what was obeyed.</summary>
    public bool Obeys(RankOrder order) => order.Incarnation >= obeyed.Incarnation && order.Generation >= obeyed.Generation;

    public void Obey(RankOrder order) => obeyed = (order.Incarnation, order.Generation);

    /// <summary>A frame for a rank that has no order yet: it waits, bounded by the senders' windows.</summary>
    public void HoldFor(int gpu, FrameHeader header, ulong word, FrameHeader truth) => early.Add((gpu, header, word, truth));

    public IReadOnlyList<(FrameHeader Header, ulong Word, FrameHeader Truth)> TakeHeld(int gpu)
    {
        var mine = early.Where(item => item.Gpu == gpu && item.Header.Generation == Members!.Generation)
            .Select(item => (item.Header, item.Word, item.Truth)).ToArray();
        early.RemoveAll(item => item.Gpu == gpu);
        return mine;
    }
}
