using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>What a sent message, or what was handed over to be stored, says.</summary>
internal static class SentMessage
{
    public static string Text(object message) => message switch
    {
        GrainMessage between => JsonSerializer.Serialize(between, MachinesJson.Default.GrainMessage),
        ObserveEvent observed => JsonSerializer.Serialize(observed.Event, MachinesJson.Default.CoordinatorEvent),
        ObserveSteps steps => $"{steps.Job} {steps.Timeline} {string.Join(", ", steps.Steps)}",
        CoordinatorMessage told => JsonSerializer.Serialize(told, MachinesJson.Default.CoordinatorMessage),
        _ => throw new ArgumentException($"a {message.GetType().Name} is no message", nameof(message)),
    };
}
