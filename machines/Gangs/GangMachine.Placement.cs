namespace Coordinator.Machines.Gangs;

/// <content>Asks the cluster for whole nodes, and forms a generation of them.</content>
public sealed partial class GangMachine
{
    /// <summary>A gang that could do with more nodes than it has waits for them this long before it starts with fewer.</summary>
    private static readonly TimeSpan JoinWait = TimeSpan.FromSeconds(1);

    /// <summary>Nodes that were left out are taken again where there are too few others for this long.</summary>
    private static readonly TimeSpan LeaveOutTime = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan AskPeriod = TimeSpan.FromSeconds(5);

    private IReadOnlyList<GpuOffer> offers = [];

    /// <summary>Those of them that are no use to a generation.</summary>
    private IReadOnlyList<GpuOffer> suspects = [];
    private IReadOnlyList<GpuId> used = [];
    private IReadOnlyList<GangMember>? usedBy;
    private (long Incarnation, long Sequence) offered = (-1, 0);
    private GpusRequested? requested;
    private TimeSpan requestedAt;
    private bool isAnswered = true;

    /// <summary>Whether the cluster is to hear at once which offer is the newest that has come.</summary>
    private bool isAwaited;
    private long requests;
    private TimeSpan? enoughSince;
    private string waits = "";

    private void OnOffer(GpusOffered offer)
    {
        if ((offer.Incarnation, offer.Sequence).CompareTo(offered) < 0)
            return;
        isAwaited |= offer.Confirm;
        if (offer.For is { } activation && activation != state!.Incarnation)
        {
            // It was made for an earlier activation, and may give what was taken back since.
            isAwaited = true;
            return;
        }

        offered = (offer.Incarnation, offer.Sequence);
        offers = offer.Gpus;
        suspects = [.. offers.Where(gpu => gpu.GiveBack is not null
            || !gpu.Up
            || (IndexOf(gpu.Gpu.Node) is >= 0 and var index && gpu.Session.Boot > state!.Members[index].Boot))];
        lookAt = now;
        isAnswered = true;
        waits = offer.Supply?.Waits ?? "";
    }

    /// <summary>
    /// Nodes that could take part now, each with its gpus: whole, up, and not left out. What is drained may serve the generation that has
    /// it until the drain's last moment, and no other one.
    /// </summary>
    private IReadOnlyList<GangMember> WholeNodes() =>
        [.. offers.Where(offer => offer is { Up: true, GiveBack: null, Drained: false } && !state!.LeftOut.Contains(offer.Gpu.Node))
            .GroupBy(offer => offer.Gpu.Node)
            .Where(node => node.Count() >= Spec.GpusPerNode)
            .OrderBy(node => node.Key)
            .Take(Spec.MaxNodes)
            .Select(node => new GangMember(
                node.Key,
                node.First().Session.Boot,
                HostOf(node.First().DataAddress),
                [.. node.Select(offer => offer.Gpu.Index).Order().Take(Spec.GpusPerNode)]))];

    private void Place()
    {
        var nodes = WholeNodes();
        if (nodes.Count < Spec.MinNodes)
        {
            enoughSince = null;
            if (state!.LeftOut.Count == 0)
                return;
            if (now >= stageAt + LeaveOutTime)
            {
                Observe(
                    EventKinds.GangNode,
                    $"{string.Join(", ", state.LeftOut)} taken again: there are too few other nodes",
                    cause: "too few nodes");
                state = state with { LeftOut = [], NodeFailures = new SortedDictionary<string, int>(StringComparer.Ordinal) };
                isDirty = true;
                stageAt = now;
            }

            WakeAt(stageAt + LeaveOutTime);
            return;
        }

        enoughSince ??= now;
        if (nodes.Count < Spec.MaxNodes && now < enoughSince + JoinWait)
        {
            WakeAt(enoughSince.Value + JoinWait);
            return;
        }

        enoughSince = null;
        agents.Clear();
        for (var index = 0; index < nodes.Count; index++)
            agents[index] = new Agent();
        state = state! with
        {
            Stage = GangStage.Preparing,
            Reason = "",
            Generation = state.Generation + 1,
            Members = nodes,
            LastNodes = [.. nodes.Select(node => node.Node)],
            Started = false,
            StopCause = null,
            StopTo = null,
        };
        isDirty = true;
        Observe(
            EventKinds.GenerationForming,
            $"generation {state.Generation}: {nodes.Count} nodes, {Spec.RanksOn(nodes.Count)} processes",
            numbers: new SortedDictionary<string, double> { ["members"] = Spec.RanksOn(nodes.Count), ["nodes"] = nodes.Count });
    }

    /// <summary>
    /// A gang says what it wants whenever that changes, and again until it is answered. What its processes may be running on it uses until
    /// they are known to be dead; while it runs it wants no more than that.
    /// </summary>
    private void RequestGpus()
    {
        if (usedBy != state!.Members)
        {
            (used, usedBy) = (
                [.. state.Members.SelectMany(member => member.Gpus.Select(gpu => new GpuId(member.Node, gpu))).Order()], state.Members);
        }
        var wanted = IsOver || state.StopTo is not null ? 0
            : state.Stage is GangStage.Preparing or GangStage.Running ? used.Count
            : Spec.RanksOn(Spec.MaxNodes);
        var request = new GpusRequested(id, state.Incarnation, requests, wanted, used, [])
        {
            Priority = Spec.Priority,
            DeviceClass = Spec.DeviceClass,
            Minimum = Math.Min(wanted, Spec.RanksOn(Spec.MinNodes)),
            PerNode = Spec.GpusPerNode,
            Avoid = state.LeftOut,
            Gang = true,
            Heard = new OfferNumber(offered.Incarnation, offered.Sequence),
        };
        var isNew = requested is null || isAwaited || !Same(requested, request);
        isAwaited = false;
        if (isNew || (!isAnswered && now >= requestedAt + RepeatPeriod)
            || (state.Stage == GangStage.Waiting && now >= requestedAt + AskPeriod))
        {
            requested = request with { Sequence = ++requests };
            (requestedAt, isAnswered) = (now, false);
            outputs.Send(GrainAddress.Cluster, requested);
        }

        if (!isAnswered)
            WakeAt(requestedAt + RepeatPeriod);
        else if (state.Stage == GangStage.Waiting)
            WakeAt(requestedAt + AskPeriod);
    }

    private static bool Same(GpusRequested a, GpusRequested b) =>
        a.Incarnation == b.Incarnation && a.Wanted == b.Wanted && a.Minimum == b.Minimum && a.Used == b.Used && a.Avoid == b.Avoid;

    private static string HostOf(string address) =>
        address.LastIndexOf(':') is > 0 and var colon ? address[..colon].Trim('[', ']') : address;
}
