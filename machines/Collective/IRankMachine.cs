namespace Coordinator.Machines;

/// <summary>What a rank's host drives: <see cref="RankMachine"/>, or a script in tests.</summary>
public interface IRankMachine
{
    /// <summary>When the host is to hand in <see cref="RankDeadlinePassed"/> unless something else comes first; null: never.</summary>
    TimeSpan? NextDeadline { get; }

    /// <summary>Steps applied; -1 while there is no state.</summary>
    long Applied { get; }

    /// <summary>What the rank is doing, in a word, for heartbeats.</summary>
    string Activity { get; }

    /// <summary>Generation obeyed or promised last; 0: none.</summary>
    long Generation { get; }

    /// <summary>Takes one input and appends what is to be done to <paramref name="outputs"/>, in order.</summary>
    void Handle(TimeSpan now, RankInput input, List<RankOutput> outputs);
}
