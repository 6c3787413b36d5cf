namespace Coordinator.Lab.Swarm;

/// <summary>The generation of a job that one agent holds.</summary>
/// <param name="Generation">Its number; 0: none.</param>
/// <param name="Hash">Head of the hash chain, as the agent computed it.</param>
/// <param name="Members">Its members, as the agent counted them.</param>
/// <param name="HeldAt">When the agent took it, by <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>.</param>
public readonly record struct HeldGeneration(long Generation, string Hash, int Members, long HeldAt)
{
    /// <summary>No generation.</summary>
    public static HeldGeneration None { get; } = new(0, "", 0, 0);
}
