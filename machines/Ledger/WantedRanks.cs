namespace Coordinator.Machines.Ledger;

/// <summary>
/// How many ranks a job wants, over time: as many as it was submitted with, more where it was given more, and none between its end and the
/// moment at which it was given more steps.
/// </summary>
internal sealed class WantedRanks
{
    private readonly List<(double At, double Ranks)> changes = [];

    /// <summary>From the job's events; times in s since its submission.</summary>
    /// <param name="events">The events.</param>
    /// <param name="most">Most ranks that it ever had, which counts where the submission does not say how many are wanted.</param>
    public WantedRanks(IReadOnlyList<(double At, CoordinatorEvent Event)> events, long most)
    {
        double ranks = most;
        foreach (var (at, happened) in events)
        {
            // An event is stored before the state that it tells of, and may come twice: the first one counts.
            switch (happened.Kind)
            {
                case EventKinds.JobSubmitted when changes.Count > 0:
                case EventKinds.JobFinished or EventKinds.JobFailed when EndedAt is not null:
                    break;
                case EventKinds.JobSubmitted or EventKinds.JobExtended:
                    ranks = happened.Numbers?.TryGetValue("ranks", out var said) == true ? said : ranks;
                    changes.Add((at, ranks));
                    break;
                case EventKinds.JobFinished or EventKinds.JobFailed:
                    changes.Add((at, 0));
                    break;
            }
        }
    }

    /// <summary>When the job last ended, and has not been given more since; null: it has not.</summary>
    public double? EndedAt => changes is [.., (var at, 0)] ? at : null;

    /// <summary>A span of time in pieces of one number each.</summary>
    public IEnumerable<(double From, double Through, double Ranks)> Pieces(double from, double through)
    {
        var (begin, ranks) = (from, 0.0);
        foreach (var (at, next) in changes)
        {
            if (at > begin && at < through)
            {
                yield return (begin, at, ranks);
                begin = at;
            }

            if (at < through)
                ranks = next;
        }

        if (through > begin)
            yield return (begin, through, ranks);
    }

    /// <summary>Seconds of a span in which any are wanted.</summary>
    public double Seconds(double from, double through) =>
        Pieces(from, through).Where(piece => piece.Ranks > 0).Sum(piece => piece.Through - piece.From);
}
