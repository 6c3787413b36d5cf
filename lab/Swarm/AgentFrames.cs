using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// Reads what silos say to the agents of a swarm. All is read as a worker reads it but a whole membership, of which an agent needs no more
/// than <see cref="GpuSet"/>; a change of one is read whole, since its hash goes over names and addresses. Thread-safe.
/// </summary>
/// <param name="shape">The swarm.</param>
public sealed class AgentFrames(SwarmShape shape)
{
    /// <summary>The start of a message that tells a whole membership, where it would be: it starts from no generation.</summary>
    private const int Start = 512;

    private readonly JsonSerializerOptions lean = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = MachinesJson.Default.WithAddedModifier(type =>
        {
            if (type.Type != typeof(MembershipChange))
                return;
            type.Properties.Single(
                property => property.PropertyType == typeof(IReadOnlyList<Member>)).CustomConverter = new GpuSet.Converter(shape);
        }),
    };

    /// <summary>One message.</summary>
    /// <exception cref="JsonException">The frame is no message.</exception>
    /// <exception cref="FormatException">It is null, or names gpus that are none of the swarm's.</exception>
    public CoordinatorMessage Read(ReadOnlySpan<byte> frame)
    {
        var isWhole = frame[..Math.Min(Start, frame.Length)].IndexOf("\"fromGeneration\":0,"u8) >= 0;
        var message = isWhole ? JsonSerializer.Deserialize<CoordinatorMessage>(frame, lean) : JsonSerializer.Deserialize(
            frame, MachinesJson.Default.CoordinatorMessage);
        return message ?? throw new FormatException("a message that is null");
    }
}
