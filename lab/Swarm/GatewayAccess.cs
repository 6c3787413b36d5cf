namespace Coordinator.Lab.Swarm;

/// <summary>How the agents of this process come to their silos.</summary>
/// <param name="Silos">The silos' gateways, <c>ws://host:port/worker</c>. At least one.</param>
/// <param name="Token">Bearer token.</param>
/// <param name="Http">Opens the connections.</param>
/// <param name="Opening">
/// Lets so many handshakes run at a time. Real nodes each have a machine for theirs; here all of them would wait in this process, and
/// their timeouts would be its own.
/// </param>
public sealed record GatewayAccess(IReadOnlyList<Uri> Silos, string Token, HttpMessageInvoker Http, SemaphoreSlim Opening)
{
    /// <summary>The gateways of silos from their addresses, with commas between them.</summary>
    public static IReadOnlyList<Uri> GatewaysOf(string urls) =>
        [.. urls.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(
            url => new Uri("ws" + url.TrimEnd('/')["http".Length..] + "/worker"))];
}
