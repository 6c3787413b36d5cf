using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>
/// Says in a silo's manifest, which every other silo reads when it joins, that its nodes' grains take the names of memberships and
/// assignments in place of their texts.
/// </summary>
[AttributeUsage(AttributeTargets.Interface)]
public sealed class TakesPartNamesAttribute : Attribute, IGrainInterfacePropertiesProviderAttribute
{
    private const string Property = "coordinator-part-names";

    private static readonly GrainInterfaceType Node = GrainInterfaceType.Create(GrainNames.NodeInterface);

    /// <summary>Whether the silo of a manifest has said so.</summary>
    public static bool IsIn(GrainManifest manifest) =>
        manifest.Interfaces.TryGetValue(Node, out var node) && node.Properties.ContainsKey(Property);

    /// <inheritdoc/>
    public void Populate(IServiceProvider services, Type interfaceType, Dictionary<string, string> properties) =>
        properties[Property] = "1";
}
