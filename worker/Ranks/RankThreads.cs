namespace Coordinator.Worker.Ranks;

/// <summary>
/// The threads that the ranks of a worker run on: some for their loops, as many for their devices. Up to
/// <see cref="MostOwn"/> ranks there is one of each for each rank. More ranks share as many as the machine has cores: with a pair of
/// threads for each of a thousand ranks, the machine would do little but change between them.
/// </summary>
public sealed class RankThreads : IDisposable
{
    /// <summary>Most ranks that have threads of their own.</summary>
    public const int MostOwn = 16;

    /// <summary>Threads for a worker that can hold <paramref name="ranks"/> ranks; <paramref name="name"/> is for debuggers.</summary>
    public RankThreads(int ranks, string name)
    {
        var threads = ranks <= MostOwn ? ranks : Math.Max(2, Environment.ProcessorCount);
        Loops = new StrandPool($"rank {name}", threads);
        Devices = new StrandPool($"device {name}", threads);
    }

    internal StrandPool Loops { get; }

    internal StrandPool Devices { get; }

    /// <summary>Ends the threads. All ranks on them must have ended before.</summary>
    public void Dispose()
    {
        Loops.Dispose();
        Devices.Dispose();
    }
}
