using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Server.Hosting;

namespace Coordinator.Tests.Support;

/// <summary>Grains that record what they are told and show what a test put there.</summary>
public sealed class FakeGrains : IGrainHost
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly Channel<(GrainAddress To, GrainMessage Message)> posts = Channel.CreateUnbounded<(GrainAddress, GrainMessage)>();
    private readonly ConcurrentDictionary<GrainAddress, string> views = new();

    /// <summary>Called with every message before it is recorded.</summary>
    public Action<GrainAddress, GrainMessage>? OnPost { get; set; }

    /// <summary>Messages recorded and not taken yet.</summary>
    public int Untaken => posts.Reader.Count;

    public void Post(GrainAddress to, GrainMessage message)
    {
        OnPost?.Invoke(to, message);
        posts.Writer.TryWrite((to, message));
    }

    /// <summary>How a delivery ends once it is recorded; null: as a durable turn, at once.</summary>
    public Func<GrainMessage, Task>? OnDeliver { get; set; }

    public Task DeliverAsync(GrainAddress to, GrainMessage message)
    {
        Post(to, message);
        return OnDeliver?.Invoke(message) ?? Task.CompletedTask;
    }

    public Task<string?> DescribeAsync(GrainAddress address) => Task.FromResult(views.GetValueOrDefault(address));

    public Task<IReadOnlyList<GrainAddress>> KnownAsync(GrainKind kind) =>
        Task.FromResult<IReadOnlyList<GrainAddress>>(
            [.. views.Keys.Where(key => key.Kind == kind).OrderBy(key => key.Key, StringComparer.Ordinal)]);

    public void Show(JobView view) => views[GrainAddress.Of(view.Id)] = JsonSerializer.Serialize(view, MachinesJson.Default.JobView);

    /// <summary>Shows what a silo of another build says.</summary>
    public void Show(GrainAddress grain, string view) => views[grain] = view;

    public void Show(GangView view) => views[GrainAddress.OfGang(view.Id)] = JsonSerializer.Serialize(view, MachinesJson.Default.GangView);

    public void Show(ClusterView view) => views[GrainAddress.Cluster] = JsonSerializer.Serialize(view, MachinesJson.Default.ClusterView);

    /// <summary>The next message, which must be a <typeparamref name="T"/>.</summary>
    public async Task<T> NextAsync<T>()
        where T : GrainMessage
    {
        try
        {
            var (_, message) = await posts.Reader.ReadAsync().AsTask().WaitAsync(Patience);
            return Assert.IsType<T>(message);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"no {typeof(T).Name} came");
        }
    }
}
