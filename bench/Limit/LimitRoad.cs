using Coordinator.Grains.Hosting;
using Orleans;

namespace Coordinator.Bench.Limit;

/// <summary>
/// How words go: one way, as many at once as there are; or acknowledged, in order, one call under way to each grain and 256 over all,
/// several words in a call where they waited. The second is what a coordinator needs, and the product's own outbox.
/// </summary>
internal sealed class LimitRoad : IDisposable
{
    private const int Window = 256;

    private readonly IGrainFactory grains;
    private readonly Outbox<ILimitGrain, LimitWord> outbox;
    private readonly ILimitJob job;

    public LimitRoad(IGrainFactory grains, LimitSize size)
    {
        this.grains = grains;
        GpusPerNode = size.GpusPerNode;
        job = grains.GetGrain<ILimitJob>("job");
        outbox = new Outbox<ILimitGrain, LimitWord>(
            (to, words) => to.Take(words),
            (to, count, why) => Console.Error.WriteLine($"lost {count} words to {to}: {why.Message}"),
            Window,
            int.MaxValue);
    }

    public int GpusPerNode { get; }

    public bool IsAcknowledged { get; set; }

    public LimitCount Count { get; } = new();

    public void ToNode(string name, LimitWord word) => Send(grains.GetGrain<ILimitNode>(name), word);

    public void ToGpu(string name, LimitWord word) => Send(grains.GetGrain<ILimitGpu>(name), word);

    public void ToJob(LimitWord word) => Send(job, word);

    public void Dispose() => outbox.Dispose();

    private void Send(ILimitGrain to, LimitWord word)
    {
        if (IsAcknowledged)
            outbox.Send(to, word);
        else
            _ = to.Tell(word);
    }
}

/// <summary>How large the yardstick's cluster is.</summary>
internal sealed record LimitSize(int Nodes, int GpusPerNode)
{
    public string NameOf(int node) => $"n{node:d5}";

    public IEnumerable<string> Names => Enumerable.Range(0, Nodes).Select(NameOf);
}
