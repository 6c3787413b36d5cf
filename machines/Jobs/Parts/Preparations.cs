namespace Coordinator.Machines.Jobs.Parts;

/// <summary>What a rank prepares, by its worker's word.</summary>
/// <param name="Boot">Its worker process.</param>
/// <param name="Since">Since when, as far as is known.</param>
/// <param name="HeardAt">When it said so last.</param>
/// <param name="What">What, for people.</param>
/// <param name="IsBusy">Whether its device ends what it was asked before, and answers then.</param>
/// <param name="IsLoading">Whether it loads a checkpoint.</param>
internal sealed record Preparation(long Boot, TimeSpan Since, TimeSpan HeardAt, string What, bool IsBusy, bool IsLoading);

/// <summary>
/// Ranks that are asked and cannot answer yet. Preparing is no failure: while a worker says that it prepares, its rank is waited for; after
/// a while the others go on without it, if they can, and it is taken in when it says that it is ready.
/// </summary>
internal sealed class Preparations(JobContext context, GenerationRound round)
{
    /// <summary>
    /// Who was set aside is tried again when it has said nothing for so long, be it that it prepares or that it is ready: the word that it
    /// is ready is said once, and may be lost.
    /// </summary>
    private static readonly TimeSpan AsideTime = TimeSpan.FromSeconds(30);

    /// <summary>Bytes a second at least, at which a checkpoint is loaded by a device and a storage that work.</summary>
    private const double LoadingRate = 10e6;

    private readonly SortedDictionary<GpuId, Preparation> preparing = [];

    /// <summary>Gpus that the job went on without.</summary>
    private readonly SortedDictionary<GpuId, Aside> aside = [];

    /// <summary>A process that prepares while the job goes on, and when it is tried again whatever it says.</summary>
    private sealed record Aside(long Boot, TimeSpan Until);

    /// <summary>Who prepares, for people; empty: nobody.</summary>
    public string Description => !round.IsOpen || preparing.Count == 0 ? ""
        : string.Join(", ", preparing.Take(4)
            .Select(pair => $"{pair.Key} prepares ({pair.Value.What}, {(context.Now - pair.Value.Since).TotalSeconds:0} s)"))
            + (preparing.Count > 4 ? ", …" : "");

    /// <summary>When all who prepare have had their time; null: nobody does.</summary>
    public TimeSpan? NextAside => !round.IsOpen || preparing.Count == 0 ? null
        : preparing.Values.Where(preparation => !preparation.IsBusy).Select(preparation => (TimeSpan?)AsideAt(preparation)).Max();

    /// <summary>Times at which those that were set aside are tried again.</summary>
    public IEnumerable<TimeSpan> AsideEnds => aside.Values.Select(left => left.Until);

    /// <summary>A worker says that its rank prepares.</summary>
    public void Note(RankPreparing report, WorkerSession session)
    {
        var gpu = report.Gpu;
        if (aside.TryGetValue(gpu, out var left) && left.Boot == session.Boot)
            aside[gpu] = left with { Until = context.Now + AsideTime };
        if (!round.IsOpen || report.Generation != context.State.Generation || round.HasAnswered(gpu)
            || context.MemberOf(gpu)?.Boot != session.Boot)
        {
            return;
        }
        var since = preparing.TryGetValue(gpu, out var known) && known.Boot == session.Boot ? known.Since : context.Now;
        preparing[gpu] = new Preparation(session.Boot, since, context.Now, report.What, report.Busy, report.Loading is true);
        if (known is null)
            context.MarkDirty();
    }

    /// <summary>A rank is ready.</summary>
    public void NoteReady(GpuId gpu)
    {
        preparing.Remove(gpu);
        EndAside(gpu);
    }

    /// <summary>A rank has answered, so it has prepared.</summary>
    public void NoteAnswered(GpuId gpu) => preparing.Remove(gpu);

    /// <summary>The generation runs: all have prepared.</summary>
    public void Clear() => preparing.Clear();

    /// <summary>A rank is not left aside any more: it is ready, or prepares no more.</summary>
    public void EndAside(GpuId gpu)
    {
        if (aside.Remove(gpu))
            context.MarkDirty();
    }

    /// <summary>A rank is called again.</summary>
    public void Call(GpuId gpu) => aside.Remove(gpu);

    /// <summary>A new generation: who prepares goes on doing so; a device that was busy is asked anew.</summary>
    public void BeginRound()
    {
        foreach (var gpu in preparing.Where(pair => pair.Value.IsBusy || context.MemberOf(pair.Key)?.Boot != pair.Value.Boot)
            .Select(pair => pair.Key).ToArray())
        {
            preparing.Remove(gpu);
        }
    }

    /// <summary>What a member prepares; null: nothing.</summary>
    public Preparation? Of(Member member) =>
        preparing.TryGetValue(member.Gpu, out var preparation) && preparation.Boot == member.Boot ? preparation : null;

    /// <summary>
    /// Time that a preparing member has, as long as it is heard; a device that is busy for longer hangs. One that loads a checkpoint has
    /// besides the time that the job's largest one takes at <see cref="LoadingRate"/>.
    /// </summary>
    public TimeSpan PatienceWith(Preparation preparation)
    {
        var tolerance = context.State.Spec.FaultTolerance;
        var heard = preparation.HeardAt + tolerance.AnswerTimeout;
        var largest = preparation.IsLoading ? context.State.Checkpoints.Select(checkpoint => checkpoint.Bytes).DefaultIfEmpty(0).Max() : 0;
        var bound = preparation.Since + JobPace.Later(tolerance.StartTimeout, tolerance.AnswerTimeout)
            + TimeSpan.FromSeconds(largest / LoadingRate);
        return preparation.IsBusy && bound < heard ? bound : heard;
    }

    /// <summary>
    /// Members that the others go on without, since they are not ready and everybody else is: those others, with who could come in their
    /// place, must be enough. Where they are not, there is nothing to do but to wait.
    /// </summary>
    /// <param name="candidates">Gpus that could come in their place.</param>
    public List<Member> Unready(int candidates)
    {
        if (!round.IsOpen || preparing.Count == 0 || round.Answers.Count + candidates < context.State.Spec.MinRanks)
            return [];
        var left = context.State.Members.Where(member => !round.HasAnswered(member.Gpu)).ToArray();
        return left.All(member => Of(member) is { IsBusy: false } preparation && context.Now >= AsideAt(preparation)) ? [.. left] : [];
    }

    /// <summary>The others go on without these.</summary>
    public void SetAside(List<Member> unready)
    {
        foreach (var member in unready)
        {
            var preparation = preparing[member.Gpu];
            aside[member.Gpu] = new Aside(member.Boot, context.Now + AsideTime);
            preparing.Remove(member.Gpu);
            var time = (context.Now - preparation.Since).TotalSeconds;
            context.Observe(
                EventKinds.RankPreparing,
                $"{member.Gpu} is not ready after {time:0.#} s ({preparation.What}): the others go on, and it joins when it is",
                gpu: member.Gpu, node: member.Gpu.Node);
        }
    }

    /// <summary>Whether a gpu is left aside, in whatever process.</summary>
    public bool IsAside(GpuId gpu) => aside.ContainsKey(gpu);

    /// <summary>Whether the process that is offered is left aside for now.</summary>
    public bool IsAside(GpuOffer offer) =>
        aside.TryGetValue(offer.Gpu, out var left) && left.Boot == offer.Session.Boot && context.Now < left.Until;

    /// <summary>
    /// When the others go on without a member that prepares: at its start a job waits for all of its ranks as long as it ever does
    /// (<see cref="FaultToleranceSpec.StartTimeout"/>); one that trains waits for a newcomer no longer than for an answer, and not at all
    /// for the process of a program, which takes seconds to import its libraries.
    /// </summary>
    private TimeSpan AsideAt(Preparation preparation)
    {
        var tolerance = context.State.Spec.FaultTolerance;
        var isTraining = round.Answers.Any(answer => answer.HasState);
        var newcomer = context.State.Spec.Program is null ? tolerance.AnswerTimeout : TimeSpan.Zero;
        return preparation.Since + (isTraining ? newcomer : JobPace.Later(tolerance.StartTimeout, tolerance.AnswerTimeout));
    }
}
