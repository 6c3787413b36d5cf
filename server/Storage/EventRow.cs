using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>A row of <c>events</c>.</summary>
internal sealed class EventRow
{
    public long Ordinal { get; init; }

    public long TimeUs { get; init; }

    public string Silo { get; init; } = "";

    public string Kind { get; init; } = "";

    public string? Job { get; init; }

    public string? Node { get; init; }

    public string? Gpu { get; init; }

    public int? Timeline { get; init; }

    public long? Generation { get; init; }

    public long? Step { get; init; }

    public string? Cause { get; init; }

    public double? DurationMs { get; init; }

    public string Text { get; init; } = "";

    public string? Numbers { get; init; }

    public StoredEvent ToStored() => new(Ordinal, Microseconds.ToTime(TimeUs), Silo, new CoordinatorEvent
    {
        Kind = Kind,
        Job = Job is null ? null : new JobId(Job),
        Node = Node is null ? null : new NodeId(Node),
        Gpu = Gpu is null ? null : GpuId.Parse(Gpu),
        Timeline = Timeline,
        Generation = Generation,
        Step = Step,
        Cause = Cause,
        DurationMs = DurationMs,
        Text = Text,
        Numbers = Numbers is null ? null : JsonSerializer.Deserialize(Numbers, MachinesJson.Default.IReadOnlyDictionaryStringDouble),
    });
}
