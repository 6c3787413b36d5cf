using System.Text.Json.Serialization;

namespace Coordinator.Machines.Jobs.Policies;

/// <summary>A rank that could not go on.</summary>
/// <param name="Gpu">Its gpu.</param>
/// <param name="Boot">Its worker process.</param>
/// <param name="Generation">Generation in which it failed.</param>
/// <param name="Kind">Whose fault it is, as far as its worker could tell.</param>
/// <param name="Detail">What failed, for people.</param>
public sealed record RankFault(GpuId Gpu, long Boot, long Generation, FaultKind Kind, string Detail)
{
    /// <summary>When it was reported, in the machine's time. Not stored: a job that was loaded anew takes it for one of now.</summary>
    [JsonIgnore]
    public TimeSpan At { get; init; }
}

/// <summary>
/// Whose fault it is that ranks fail. A gpu is suspected only where others do what it could not, so nothing is decided against it before
/// the job comes a step farther; what fails on every device in the same way is the job's. Faults are alike where their kind is, and their
/// words are but for the numbers in them; those that are not, or lie far apart, are accidents, of which several may follow each other. A
/// pure function.
/// </summary>
public static class FaultPolicy
{
    /// <summary>A fault that came so long before the last one has nothing to do with it.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromHours(1);

    /// <summary>
    /// Generations in a row that must end by faults that are alike, without a step between them, before the job is to blame: one may be an
    /// accident that struck several gpus at once, and the retry of one that its aftermath met.
    /// </summary>
    public const int Generations = 3;

    /// <summary>
    /// As many where some device has computed a shard of the job, or where the faults are not alike: accidents that follow each other are
    /// likelier then than a job that nobody can compute.
    /// </summary>
    public const int GenerationsOnceComputed = 2 * Generations;

    /// <summary>
    /// Nodes on which the same work must have failed where there are more gpus than were tried: three hosts are not broken alike.
    /// </summary>
    public const int Nodes = 3;

    /// <summary>Why the job itself is to blame; null: it is not, as far as anybody can tell yet.</summary>
    /// <param name="faults">Faults since the job last came a step farther, oldest first.</param>
    /// <param name="hasComputed">Whether any step of the job was ever recorded, or any shard computed: then some device can compute
    /// it.</param>
    /// <param name="reachable">Gpus that the job has and could try.</param>
    public static string? WhyJobs(IReadOnlyList<RankFault> faults, bool hasComputed, IReadOnlyCollection<GpuId> reachable)
    {
        if (faults is not [.., var last])
            return null;
        if (last.Kind == FaultKind.Job && !hasComputed)
            return $"{last.Gpu} cannot compute it, nor can another of its class: {last.Detail}";
        var recent = faults.Where(fault => last.At - fault.At <= Memory).ToArray();
        return Why(
            [.. recent.Where(fault => IsAlike(fault, last))], hasComputed ? GenerationsOnceComputed : Generations, hasComputed, reachable)
            ?? Why(recent, GenerationsOnceComputed, hasComputed, reachable);
    }

    private static string? Why(RankFault[] faults, int enough, bool hasComputed, IReadOnlyCollection<GpuId> reachable)
    {
        var last = faults[^1];
        var tried = faults.Select(fault => fault.Gpu).ToHashSet();
        var generations = faults.Select(fault => fault.Generation).Distinct().Count();
        var nodes = tried.Select(gpu => gpu.Node).Distinct().Count();
        if (generations < enough || (nodes < Nodes && !reachable.All(tried.Contains)))
            return null;
        var where = tried.Count == 1
            ? $"{last.Gpu}, the only gpu there is for it"
            : $"{tried.Count} gpus ({string.Join(", ", tried.Order().Take(8))}{(tried.Count > 8 ? ", …" : "")})";
        return $"it failed in {generations} generations in a row on "
            + $"{where}{(hasComputed ? ", at the same step" : ", before the first step")}, so the job is to blame and no gpu: "
            + $"{last.Detail}";
    }

    /// <summary>
    /// Whether two faults say the same of whatever failed. Numbers in their words are those of a device, an address or a size.
    /// </summary>
    private static bool IsAlike(RankFault one, RankFault other) =>
        one.Kind == other.Kind && (one.Detail == other.Detail || WordsOf(one.Detail) == WordsOf(other.Detail));

    private static string WordsOf(string detail) => string.Join(' ', detail.Split(' ').Where(word => !word.Any(char.IsAsciiDigit)));

    /// <summary>
    /// Gpus that are to blame once the job has come a step farther: others could do what they could not, and they themselves have not done
    /// it since.
    /// </summary>
    /// <param name="faults">The faults that the step settles.</param>
    /// <param name="computing">Gpus that have computed the step.</param>
    public static IReadOnlyList<RankFault> Suspects(IReadOnlyList<RankFault> faults, IReadOnlyCollection<GpuId> computing) =>
    [
        .. faults.Where(fault => fault.Kind is FaultKind.Unknown or FaultKind.Device && !computing.Contains(fault.Gpu))
            .GroupBy(fault => fault.Gpu).Select(of => of.Last()),
    ];
}
