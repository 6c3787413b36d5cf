using System.Text.Json.Serialization;

namespace Coordinator.Grains.Hosting;

/// <summary>What a job tells all its nodes alike.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PartKind>))]
public enum PartKind
{
    /// <summary>A membership, or the change that leads to it.</summary>
    Membership,

    /// <summary>An assignment of shards.</summary>
    [JsonStringEnumMemberName("Deal")]
    Assignment,
}
