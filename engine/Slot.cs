using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>The engine's place for one grain, kept small because there may be a million of them.</summary>
internal sealed class Slot(GrainAddress address, int number)
{
    /// <summary>The grain.</summary>
    public GrainAddress Address { get; } = address;

    /// <summary>Order of creation; breaks ties between deadlines.</summary>
    public int Number { get; } = number;

    /// <summary>The machine; null before it is loaded and after it was discarded.</summary>
    public IMachine? Machine { get; set; }

    /// <summary>Messages that came while the machine could not be loaded. Null: none.</summary>
    public Queue<Envelope>? Waiting { get; set; }

    /// <summary>Number of the last batch that holds outputs of this grain; its later sends queue behind that batch.</summary>
    public long LastBatch { get; set; }

    /// <summary>Failed tries in a row to load the machine.</summary>
    public int LoadFailures { get; set; }

    /// <summary>When to wake: the machine's deadline, or the next try to load it. Read only while <see cref="HeapIndex"/> is not -1.</summary>
    public TimeSpan WakeAt { get; set; }

    /// <summary>Place in the <see cref="WakeHeap"/>, or -1.</summary>
    public int HeapIndex { get; set; } = -1;
}
