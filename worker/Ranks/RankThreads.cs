namespace Coordinator.Worker.Ranks;

/// <summary>
/// The threads that ranks run on: some for their loops, as many for their devices. A rank has one of each for itself, unless its worker
/// can hold more than <see cref="MostOwn"/>: then all of them share as many as the machine has cores. With a pair of threads for each of
/// a thousand ranks, the machine would do little but change between them.
/// </summary>
public sealed class RankThreads : IDisposable
{
    /// <summary>Most ranks of a worker that have threads of their own.</summary>
    public const int MostOwn = 16;

    private RankThreads(int count, string name)
    {
        Loops = new SerialTaskPool($"rank {name}", count);
        Devices = new SerialTaskPool($"device {name}", count);
    }

    /// <summary>One of each, for one rank; <paramref name="name"/> is for debuggers.</summary>
    public static RankThreads Own(string name) => new(1, name);

    /// <summary>Threads that all ranks of a worker share.</summary>
    public static RankThreads Shared(string name) => new(Math.Max(2, Environment.ProcessorCount), name);

    internal SerialTaskPool Loops { get; }

    internal SerialTaskPool Devices { get; }

    /// <summary>Ends the threads. All ranks on them must have ended before.</summary>
    public void Dispose()
    {
        Loops.Dispose();
        Devices.Dispose();
    }
}
