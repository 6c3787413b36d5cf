using Coordinator.Machines;

namespace Coordinator.Lab.Chaos.Scenarios;

/// <summary>The table: every scenario, in the order in which they are run.</summary>
public static class ChaosScenarios
{
    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<ChaosScenario> All =
        [.. ProcessScenarios.All, .. RestoreScenarios.All, .. StorageScenarios.All, .. NetworkScenarios.All, .. ClockScenarios.All];

    /// <summary>The scenario of a name; null where there is none.</summary>
    public static ChaosScenario? Find(string name) => All.FirstOrDefault(scenario => scenario.Name == name);

    /// <summary>Complaint where steps were computed again, which no fault that leaves a holder of the state may lead to.</summary>
    internal static IEnumerable<string> NothingAgain(ChaosRecord record)
    {
        if (record.Job.Timeline != 0)
        {
            yield return $"the job went back to a checkpoint ({record.Job.Timeline} times), and a worker that held the state was there all "
                + "the time";
        }
    }

    /// <summary>Complaint where anybody was excluded: the fault was shorter than the timeouts, or none of the workers' business.</summary>
    internal static IEnumerable<string> NobodyOut(ChaosRecord record) =>
        NothingAgain(record).Concat(
            record.OfSinceFirstDeed(EventKinds.RankExcluded).Select(stored => $"nobody was to be excluded, and {stored.Event.Text}"));

    /// <summary>Complaint where nobody was excluded: the fault was not seen.</summary>
    internal static IEnumerable<string> SomebodyOut(ChaosRecord record)
    {
        foreach (var complaint in NothingAgain(record))
            yield return complaint;
        if (!record.OfSinceFirstDeed(EventKinds.RankExcluded).Any())
            yield return "nobody was excluded, so the fault did not reach the job";
    }

    /// <summary>Complaint where a worker's process ended by itself or was started again: it was to come back as it was.</summary>
    internal static IEnumerable<string> NoProcessEnded(ChaosRecord record) =>
        record.Notes.Where(note => note.Exit is not null).Select(note => $"{note.Child} {note.Text}, and no process was to end");
}
