using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Silo;

/// <summary>The engine as the server sees it.</summary>
internal sealed class EngineGrainHost(EmbeddedEngine engine) : IGrainHost
{
    public void Post(GrainAddress to, GrainMessage message) => engine.Post(to, message);

    public Task<string?> DescribeAsync(GrainAddress address) => engine.DescribeAsync(address);

    public Task<IReadOnlyList<GrainAddress>> KnownAsync(GrainKind kind) => Task.FromResult(engine.Known(kind));
}
