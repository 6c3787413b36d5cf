namespace Coordinator.Machines;

/// <summary>
/// What a rank knows to be recorded, as far as it concerns the timeline of its state: a job that was loaded anew and comes back to that
/// timeline has to learn it from here. Of one timeline the number only grows.
/// </summary>
internal sealed class KnownRecord
{
    private int timeline;

    /// <summary>Steps recorded of the newest timeline that was heard of.</summary>
    public long Through { get; private set; }

    /// <summary>Steps recorded of a timeline; 0: nothing is known of it.</summary>
    public long Of(int wanted) => wanted == timeline ? Through : 0;

    /// <summary>The coordinator has recorded a timeline's steps.</summary>
    /// <param name="of">The timeline.</param>
    /// <param name="through">Its last step that is recorded.</param>
    /// <param name="held">Timeline of the rank's state; null: it has none.</param>
    public void Note(int of, long through, int? held)
    {
        if (of < timeline || (held is { } mine && of != mine))
            return;
        Through = of > timeline ? through : Math.Max(Through, through);
        timeline = of;
    }
}
