namespace Coordinator.Worker.Faults;

/// <summary>Where in a worker's work a planned fault strikes. Written in lower case before the colon of a fault rule.</summary>
public enum FaultPoint
{
    /// <summary>
    /// In the collective of a step at or after the number: first contributions have left, the reduced gradient is not whole.
    /// </summary>
    Collective,

    /// <summary>As the device begins to compute a shard of a step at or after the number.</summary>
    Compute,

    /// <summary>As the optimizer begins a step at or after the number.</summary>
    Apply,

    /// <summary>
    /// After the answer to the numbered order to prepare that this process sees, generation 1 not counted: in the middle of a recovery.
    /// </summary>
    Prepare,

    /// <summary>As the receiver of the numbered state transfer of this process, once its first block is stored.</summary>
    Fetch,

    /// <summary>As a donor of the numbered state transfer of this process, once the first block has left.</summary>
    Serve,

    /// <summary>When the last step is applied and nobody has been told. Takes no number.</summary>
    Final,

    /// <summary>When the gradient of a shard of a step at or after the number is computed, before it is added to others.</summary>
    Contribution,

    /// <summary>When the rank's slice of the state of a step at or after the number was copied, and is about to be written.</summary>
    Save,

    /// <summary>
    /// When all parts of a checkpoint of a step at or after the number are there, and the manifest is about to be written.
    /// </summary>
    Seal,
}
