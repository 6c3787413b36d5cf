namespace Coordinator.Worker.External;

/// <summary>The messages between worker and program, version 1 (<c>docs/programs.md</c>). Their numbers are the protocol's.</summary>
public enum ProgramMessage : uint
{
    /// <summary>Program: what it is, and the schema of its state. The first message.</summary>
    Describe = 1,

    /// <summary>Worker: places in the shared memory, whose descriptor comes along.</summary>
    Memory = 2,

    /// <summary>Program: the state of step 0 is in the shared memory.</summary>
    Ready = 3,

    /// <summary>Worker: compute a shard.</summary>
    Compute = 10,

    /// <summary>Program: its gradient is in the shared memory.</summary>
    Computed = 11,

    /// <summary>Worker: the shard is not wanted any more.</summary>
    Cancel = 12,

    /// <summary>Program: the shard was dropped.</summary>
    Dropped = 13,

    /// <summary>Worker: take an optimizer step with the gradient in the shared memory.</summary>
    Apply = 20,

    /// <summary>Program: it is taken.</summary>
    Applied = 21,

    /// <summary>Worker: a step is recorded, after which the program has something to do of its own.</summary>
    Hook = 30,

    /// <summary>Program: it is done.</summary>
    Hooked = 31,

    /// <summary>Worker: there are no more shards.</summary>
    End = 50,

    /// <summary>Program: why it ends.</summary>
    Failed = 60,
}
