using Coordinator.Machines;
using Coordinator.Worker.Ranks;

namespace Coordinator.Worker.Agent;

/// <summary>A gpu's rank in one job, from its first order on. Orders wait while its program is being made.</summary>
internal sealed class RankSlot(GpuId gpu) : IDisposable
{
    private readonly List<RankInput> waiting = [];
    private readonly CancellationTokenSource gone = new();
    private RankHost? host;

    public GpuId Gpu { get; } = gpu;

    /// <summary>Whether the last order was to stop.</summary>
    public bool Released { get; set; }

    /// <summary>
    /// Whether it was given a plan, and so may hold what the job needs. A release that lets it forget the state ends the slot; after
    /// any other its worker stays, since the job may call it back.
    /// </summary>
    public bool HadPlan { get; set; }

    /// <summary>Whether the worker may end without taking from the job what it may need.</summary>
    public bool MayEnd => Released && !HadPlan;

    /// <summary>Generation of the last order.</summary>
    public long Generation { get; set; }

    /// <summary>Whether the rank stands.</summary>
    public bool IsReady => host is not null;

    /// <summary>Whether an order came since the rank stands: then the job knows.</summary>
    public bool HeardSinceReady { get; set; }

    /// <summary>Cancelled when the slot is given up.</summary>
    public CancellationToken Gone => gone.Token;

    public RankPosition? Position => host?.Position;

    public bool HasLostDevice => host is { HasLostDevice: true };

    public void Post(RankInput input)
    {
        if (host is { } running)
            running.Post(input);
        else
            waiting.Add(input);
    }

    /// <summary>The rank stands: what waited is handed to it.</summary>
    public void Fill(RankHost filled)
    {
        host = filled;
        foreach (var input in waiting)
            filled.Post(input);
        waiting.Clear();
    }

    /// <summary>Ends the rank; blocks until its threads have ended.</summary>
    public void Dispose()
    {
        gone.Cancel();
        host?.Dispose();
        gone.Dispose();
    }
}
