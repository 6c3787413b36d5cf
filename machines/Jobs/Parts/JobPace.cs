namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// How long a job lets pass, by the number of those who have to be heard: what takes a member no time takes thousands of them seconds, and
/// a job that did not wait for that would take those that are late for those that have failed. Pure functions.
/// </summary>
internal static class JobPace
{
    /// <summary>
    /// Deciding looks at every member, about half a microsecond for each. Where there are a thousand or more and news of many of them comes
    /// at once, decisions wait for each other for four times as long as they take, so that the silo has time left for the news.
    /// </summary>
    public static TimeSpan DecisionPause(int members) => members < 1000 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(2 * members);

    /// <summary>
    /// For how long nothing new must have failed before a question that is open is given up for another one; zero below a thousand members.
    /// To ask thousands takes longer than it takes a rack's end to be noticed node by node, and each of those nodes would begin it anew.
    /// </summary>
    public static TimeSpan FailureGather(int members) => members < 1000 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(40 * members);

    /// <summary>
    /// Time in which all members' words come: 2 ms for each, since those of thousands come one after the other. So do their connections to
    /// the silo that a job was loaded by, and rank 0, which reports progress, may be among the last.
    /// </summary>
    public static TimeSpan Arrival(int members) => TimeSpan.FromMilliseconds(2 * members);

    /// <summary>
    /// How old what others imply of a node may be: a second, or as long as the words of all members take where that is more.
    /// </summary>
    public static TimeSpan IndirectEvidence(int members) => Later(TimeSpan.FromSeconds(1), Arrival(members));

    /// <summary>
    /// Time before a question or a plan is repeated: 200 ms, or 0.25 ms for each member where that is more, since thousands of them would
    /// be asked again while their first answers are on the way; twice as long before each further repetition, up to eight times, since
    /// where answers are late for want of time, repeated questions make them later.
    /// </summary>
    public static TimeSpan Question(int members, int repetitions) =>
        TimeSpan.FromMilliseconds(Math.Max(200, 0.25 * members)) * (1 << Math.Min(repetitions, 3));

    /// <summary>
    /// The job says what it wants and uses every 2 s, and of more than 20,000 ranks every 0.1 ms for each: the answer holds all of its
    /// gpus, and news comes with the cluster's offers anyway.
    /// </summary>
    public static TimeSpan Request(int ranks) => Later(TimeSpan.FromSeconds(2), TimeSpan.FromMicroseconds(100 * ranks));

    /// <summary>The later of two times, or the longer of two durations.</summary>
    public static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
