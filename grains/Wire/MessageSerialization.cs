using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.Serializers;

namespace Coordinator.Grains.Wire;

/// <summary>
/// How Orleans carries the machines' records, which know nothing of it: between silos with <see cref="MessageCodec{T}"/>, and within a silo
/// as they are, since nobody changes a message that was sent. So a membership that goes to thousands of nodes is there once.
/// </summary>
/// <param name="parts">What the silo has of what jobs tell all their nodes alike.</param>
public sealed class MessageSerialization(SharedParts parts) : ISpecializableCodec, ISpecializableCopier
{
    /// <inheritdoc cref="ISpecializableCodec.IsSupportedType"/>
    public bool IsSupportedType(Type type) => type.IsAssignableTo(typeof(GrainMessage));

    /// <summary>The codec of a kind of message; asked for once for each.</summary>
    public IFieldCodec GetSpecializedCodec(Type type) => (IFieldCodec)Make(typeof(MessageCodec<>), type, parts);

    /// <summary>The copier of a kind of message, which copies nothing; asked for once for each.</summary>
    public IDeepCopier GetSpecializedCopier(Type type) => (IDeepCopier)Make(typeof(ShallowCopier<>), type);

    private static object Make(Type generic, Type message, params object[] given) =>
        Activator.CreateInstance(generic.MakeGenericType(message), given)!;
}
