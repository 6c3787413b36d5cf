using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Silo;

/// <summary>The engine as the server sees it.</summary>
internal sealed class EngineGrainHost(EmbeddedEngine engine) : IGrainHost
{
    public void Post(GrainAddress to, GrainMessage message) => engine.Post(to, message);

    public async Task DeliverAsync(GrainAddress to, GrainMessage message)
    {
        if (!await engine.DeliverAsync(to, message).ConfigureAwait(false))
            throw new GrainsAwayException($"{to.Kind} {to.Key}");
    }

    public Task<string?> DescribeAsync(GrainAddress address) => engine.DescribeAsync(address);

    public Task<IReadOnlyList<GrainAddress>> KnownAsync(GrainKind kind) => Task.FromResult(engine.Known(kind));
}
