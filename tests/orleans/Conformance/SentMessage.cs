using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>What a sent message says.</summary>
internal static class SentMessage
{
    public static string Text(object message) => message switch
    {
        GrainMessage between => JsonSerializer.Serialize(between, MachinesJson.Default.GrainMessage),
        CoordinatorMessage told => JsonSerializer.Serialize(told, MachinesJson.Default.CoordinatorMessage),
        _ => throw new ArgumentException($"a {message.GetType().Name} is no message", nameof(message)),
    };
}
