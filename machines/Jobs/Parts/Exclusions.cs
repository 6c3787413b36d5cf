namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Gpus that failed, and when each may come back. A gpu that fails again soon waits longer each time, so that one that keeps failing
/// interrupts the others less and less; how long is forgotten once it has not failed for a minute.
/// </summary>
internal sealed class Exclusions
{
    /// <summary>The longest pause of a gpu whose return is worth an interruption, or that interrupts nobody, since the job waits.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly SortedDictionary<GpuId, Exclusion> exclusions = [];

    private sealed record Exclusion(long Boot, TimeSpan Until, TimeSpan At, int Times);

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<GpuId> Gpus => exclusions.Keys;

    /// <summary>Times at which one of them may come back, if the job goes on and if it waits.</summary>
    public IEnumerable<TimeSpan> Ends => exclusions.Values.SelectMany(exclusion => new[] { exclusion.Until, exclusion.At + LongestPause });

    /// <summary>
    /// A member has failed. One whose failure would follow each time (<paramref name="isLasting"/>) waits up to ten minutes, and else half
    /// a minute.
    /// </summary>
    public void Add(Member member, bool isLasting, TimeSpan now)
    {
        var recent = exclusions.TryGetValue(member.Gpu, out var before)
            && now - (isLasting ? before.Until : before.At) < TimeSpan.FromMinutes(1);
        var times = recent ? before!.Times + 1 : 1;
        var pause = TimeSpan.FromSeconds(Math.Min(isLasting ? 600 : LongestPause.TotalSeconds, 0.5 * (1 << Math.Min(times, 11))));
        exclusions[member.Gpu] = new Exclusion(member.Boot, now + pause, now, times);
    }

    /// <summary>
    /// Whether a gpu may come back: after a pause, and in the same process only once that has answered its release. One that is frozen
    /// would not answer the next question either, and its one freeze would be two failures; its heartbeat may be missed later than that.
    /// </summary>
    /// <param name="offer">The gpu as it is offered now.</param>
    /// <param name="isHeard">Whether it has answered its release.</param>
    /// <param name="isAnybodyNeeded">Whether the job waits, so that nobody is interrupted.</param>
    /// <param name="now">Time.</param>
    public bool MayReturn(GpuOffer offer, bool isHeard, bool isAnybodyNeeded, TimeSpan now)
    {
        if (!exclusions.TryGetValue(offer.Gpu, out var exclusion))
            return true;
        var isPast = now >= exclusion.Until || (isAnybodyNeeded && now >= exclusion.At + LongestPause);
        return offer.Session.Boot > exclusion.Boot ? exclusion.Times <= 3 || isPast : isPast && isHeard;
    }
}
