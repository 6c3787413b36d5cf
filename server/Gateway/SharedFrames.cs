using System.Runtime.CompilerServices;
using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>
/// The text of what a job tells all its nodes alike, written once. A membership and an assignment of shards are as long as the job is wide,
/// and go to as many nodes: written for each of them they would cost more than all else that a silo does. Kept for as long as the message
/// itself is.
/// Thread-safe.
/// </summary>
public static class SharedFrames
{
    private static readonly ConditionalWeakTable<object, byte[]> Written = [];

    /// <summary>The message's frame; null: the message is one node's own.</summary>
    /// <exception cref="NotSupportedException">The message has no JSON form.</exception>
    public static byte[]? Of(CoordinatorMessage message) => message switch
    {
        MembershipChanged changed => Written.GetValue(changed.Change, _ => Write(message)),
        ShardsAssigned => Written.GetValue(message, _ => Write(message)),
        _ => null,
    };

    /// <summary>The message's frame, shared or its own.</summary>
    /// <exception cref="NotSupportedException">The message has no JSON form.</exception>
    public static byte[] TextOf(CoordinatorMessage message) => Of(message) ?? Write(message);

    private static byte[] Write(CoordinatorMessage message) =>
        JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.CoordinatorMessage);
}
