using Orleans.Runtime.Services;

namespace Coordinator.Silo.Gateway;

/// <summary>Finds the gateway service of a given silo.</summary>
public sealed class GatewayServiceClient(IServiceProvider services) : GrainServiceClient<IGatewayService>(services)
{
    /// <summary>The service of that silo.</summary>
    public IGatewayService On(SiloAddress silo) => GetGrainService(silo);
}
