namespace Coordinator.Machines;

/// <summary>One rank's side of the collective and of recovery. (Under construction.)</summary>
public sealed class RankMachine(RankOptions options)
{
    /// <summary>What the machine was made with.</summary>
    public RankOptions Options { get; } = options;

    /// <summary>When the host is to hand in <see cref="RankDeadlinePassed"/> unless something else comes first; null: never.</summary>
    public TimeSpan? NextDeadline { get; private set; }

    /// <summary>Steps applied; -1 while there is no state.</summary>
    public long Applied { get; private set; } = -1;

    /// <summary>What the rank is doing, in a word, for heartbeats: idle, promised, fetching, computing, reducing, applying, waiting, finished.</summary>
    public string Activity => "idle";

    /// <summary>Generation obeyed or promised last; 0: none.</summary>
    public long Generation { get; private set; }

    /// <summary>Takes one input and appends what is to be done to <paramref name="outputs"/>.</summary>
    public void Handle(TimeSpan now, RankInput input, List<RankOutput> outputs)
    {
        _ = (now, input, outputs);
        NextDeadline = null;
    }
}
