namespace Coordinator.Planning.Simulation;

/// <summary>How a generation came about.</summary>
/// <param name="Seconds">From the first word of it to the coordinator until the last rank had its plan.</param>
/// <param name="Ranks">Members.</param>
/// <param name="BusiestShards">Shards that the rank with the most to do still has to compute in the interrupted step.</param>
internal readonly record struct FormedGeneration(double Seconds, int Ranks, int BusiestShards);

/// <summary>Who forms the generations of a job, and says what each of them took.</summary>
internal interface IGenerations
{
    /// <summary>Generations formed so far.</summary>
    int Count { get; }

    /// <summary>Forms the first generation, of all ranks that are there.</summary>
    FormedGeneration Start();

    /// <summary>
    /// Ranks are gone, as the survivors' closed connections or timeouts say, <paramref name="done"/> of the running step being computed.
    /// </summary>
    FormedGeneration Lose(double at, IReadOnlyCollection<int> ranks, double done);

    /// <summary>Ranks come with new processes, which hold nothing: for the first time, or again.</summary>
    FormedGeneration Return(double at, IReadOnlyCollection<int> ranks, double done);
}
