namespace Coordinator.Machines.Jobs;

/// <content>
/// Ranks that are asked and cannot answer yet. Preparing is no failure: while a worker says that it prepares, its rank is waited for; after
/// a while the others go on without it, if they can, and it is taken in when it says that it is ready.
/// </content>
public sealed partial class TrainingJobMachine
{
    /// <summary>
    /// Who was set aside is tried again when it has said nothing for so long, be it that it prepares or that it is ready: the word that it is
    /// ready is said once, and may be lost.
    /// </summary>
    private static readonly TimeSpan AsideTime = TimeSpan.FromSeconds(30);

    /// <summary>Bytes a second at least, at which a checkpoint is loaded by a device and a storage that work.</summary>
    private const double LoadingRate = 10e6;

    private readonly SortedDictionary<GpuId, Preparation> preparing = [];

    /// <summary>Gpus that the job went on without.</summary>
    private readonly SortedDictionary<GpuId, Aside> aside = [];

    /// <summary>A process that prepares while the job goes on, and when it is tried again whatever it says.</summary>
    private sealed record Aside(long Boot, TimeSpan Until);

    private sealed record Preparation(long Boot, TimeSpan Since, TimeSpan HeardAt, string What, bool IsBusy, bool IsLoading);

    private void OnPreparing(RankPreparing report, WorkerSession session)
    {
        if (report.Ready)
        {
            preparing.Remove(report.Gpu);
            stirred |= aside.Remove(report.Gpu);
            if (MemberOf(report.Gpu) is null)
                BeginRelease(report.Gpu, "ready: it is called when the job has room");
            return;
        }

        if (aside.TryGetValue(report.Gpu, out var left) && left.Boot == session.Boot)
            aside[report.Gpu] = left with { Until = now + AsideTime };
        if (forming is null || report.Generation != state!.Generation || forming.ContainsKey(report.Gpu) || MemberOf(report.Gpu)?.Boot != session.Boot)
            return;
        var since = preparing.TryGetValue(report.Gpu, out var known) && known.Boot == session.Boot ? known.Since : now;
        preparing[report.Gpu] = new Preparation(session.Boot, since, now, report.What, report.Busy, report.Loading is true);
        stirred |= known is null;
    }

    /// <summary>A new generation: who prepares goes on doing so; a device that was busy is asked anew.</summary>
    private void ForgetPreparations()
    {
        foreach (var gpu in preparing.Where(pair => pair.Value.IsBusy || MemberOf(pair.Key)?.Boot != pair.Value.Boot).Select(pair => pair.Key).ToArray())
            preparing.Remove(gpu);
    }

    private Preparation? PreparationOf(Member member) =>
        preparing.TryGetValue(member.Gpu, out var preparation) && preparation.Boot == member.Boot ? preparation : null;

    /// <summary>
    /// Time that a preparing member has, as long as it is heard; a device that is busy for longer hangs. One that loads a checkpoint has besides the
    /// time that the job's largest one takes at <see cref="LoadingRate"/>.
    /// </summary>
    private TimeSpan PatienceWith(Preparation preparation)
    {
        var tolerance = state!.Spec.FaultTolerance;
        var heard = preparation.HeardAt + tolerance.AnswerTimeout;
        var loading = preparation.IsLoading ? TimeSpan.FromSeconds(state.Checkpoints.Select(checkpoint => checkpoint.Bytes).DefaultIfEmpty(0).Max() / LoadingRate) : TimeSpan.Zero;
        var bound = preparation.Since + Max(tolerance.StartTimeout, tolerance.AnswerTimeout) + loading;
        return preparation.IsBusy && bound < heard ? bound : heard;
    }

    /// <summary>
    /// When the others go on without a member that prepares: at its start a job waits for all of its ranks as long as it ever does
    /// (<see cref="FaultToleranceSpec.StartTimeout"/>); one that trains waits for a newcomer no longer than for an answer.
    /// </summary>
    private TimeSpan AsideAt(Preparation preparation)
    {
        var tolerance = state!.Spec.FaultTolerance;
        var isTraining = forming!.Values.Any(answer => answer.HasState);
        return preparation.Since + (isTraining ? tolerance.AnswerTimeout : Max(tolerance.StartTimeout, tolerance.AnswerTimeout));
    }

    /// <summary>
    /// Members that the others go on without, since they are not ready and everybody else is: those others, with who could come in their
    /// place, must be enough. Where they are not, there is nothing to do but to wait.
    /// </summary>
    private List<Member> Unready(IReadOnlyList<GpuOffer> candidates)
    {
        if (forming is null || preparing.Count == 0 || forming.Count + candidates.Count < state!.Spec.MinRanks)
            return [];
        var left = state.Members.Where(member => !forming.ContainsKey(member.Gpu)).ToArray();
        return left.All(member => PreparationOf(member) is { IsBusy: false } preparation && now >= AsideAt(preparation)) ? [.. left] : [];
    }

    private void GoOnWithout(List<Member> unready)
    {
        foreach (var member in unready)
        {
            var preparation = preparing[member.Gpu];
            aside[member.Gpu] = new Aside(member.Boot, now + AsideTime);
            preparing.Remove(member.Gpu);
            Observe(EventKinds.RankPreparing, $"{member.Gpu} is not ready after {(now - preparation.Since).TotalSeconds:0.#} s ({preparation.What}): the others go on, and it joins when it is", gpu: member.Gpu, node: member.Gpu.Node);
        }
    }

    private bool IsAside(GpuOffer offer) => aside.TryGetValue(offer.Gpu, out var left) && left.Boot == offer.Session.Boot && now < left.Until;

    /// <summary>Who prepares, for people; empty: nobody.</summary>
    private string PreparingNow => forming is null || preparing.Count == 0 ? ""
        : string.Join(", ", preparing.Take(4).Select(pair => $"{pair.Key} prepares ({pair.Value.What}, {(now - pair.Value.Since).TotalSeconds:0} s)")) + (preparing.Count > 4 ? ", …" : "");

    private TimeSpan? NextAside => forming is null || preparing.Count == 0 ? null : preparing.Values.Where(preparation => !preparation.IsBusy).Select(preparation => (TimeSpan?)AsideAt(preparation)).Max();
}
