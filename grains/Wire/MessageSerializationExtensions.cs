using Coordinator.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Serializers;

namespace Coordinator.Grains.Wire;

/// <summary>What every process needs that calls grains or hosts them.</summary>
public static class MessageSerializationExtensions
{
    /// <summary>Lets Orleans carry the machines' records.</summary>
    public static IServiceCollection AddMachineMessages(this IServiceCollection services)
    {
        services.TryAddSingleton<SharedParts>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ISpecializableCodec, MessageSerialization>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ISpecializableCopier, MessageSerialization>());
        return services;
    }
}
