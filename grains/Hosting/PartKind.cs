using System.Text.Json.Serialization;

namespace Coordinator.Grains.Hosting;

/// <summary>What a job tells all its nodes alike.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PartKind>))]
public enum PartKind
{
    /// <summary>A membership, or the change that leads to it.</summary>
    Membership,

    /// <summary>A deal of shards.</summary>
    Deal,
}
