using Microsoft.Extensions.Hosting;

namespace Coordinator.Server.Hosting;

/// <summary>Leaves signals to the command that started the silo: it knows in which order to stop.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
