using Coordinator.Machines;

namespace Coordinator.Simulator.Workers;

/// <summary>A block of R.</summary>
internal readonly record struct ReducedBlock(long Step, ulong Word, double SumOfSquares);

/// <summary>The numbers of one rank, each labelled with the step that it belongs to, which machines do not see.</summary>
internal sealed class RankMemory(ToyModel model)
{
    /// <summary>The state's words; meaningless where <see cref="StateSteps"/> is -1.</summary>
    public ulong[] State { get; } = new ulong[model.StateBlocks];

    /// <summary>The step that each block of the state is at; -1: none.</summary>
    public long[] StateSteps { get; } = Enumerable.Repeat(-1L, model.StateBlocks).ToArray();

    /// <summary>P, by subtree.</summary>
    public SortedDictionary<Subtree, (long Step, Partial Sum)> Partials { get; } = [];

    /// <summary>R.</summary>
    public ReducedBlock[] Reduced { get; } = new ReducedBlock[model.ReducedBlocks];

    /// <summary>Loss and targets of block 0 of R.</summary>
    public Score ReducedScore { get; set; }

    /// <summary>Gradients computed and not kept yet, by ticket.</summary>
    public SortedDictionary<long, (long Step, int Shard, Partial Sum)> Computed { get; } = [];

    /// <summary>Payloads of frames that the machine has not released, by handle.</summary>
    public SortedDictionary<long, (FrameHeader Header, ulong Word, FrameHeader Truth)> Payloads { get; } = [];

    /// <summary>Whether the optimizer is running: the state is neither of this step nor of the next.</summary>
    public bool Applying { get; set; }

    /// <summary>Whether the device makes the state of step 0 or loads one.</summary>
    public bool Initializing { get; set; }

    /// <summary>Whether the device writes the state.</summary>
    public bool IsWriting => Applying || Initializing;

    /// <summary>The step of the whole state, or -1 where its blocks differ or are not there.</summary>
    public long StateStep
    {
        get
        {
            foreach (var step in StateSteps)
            {
                if (step != StateSteps[0])
                    return -1;
            }

            return StateSteps[0];
        }
    }

    public void SetState(ulong[] words, long step)
    {
        words.CopyTo(State, 0);
        Array.Fill(StateSteps, step);
    }

    public void Forget() => Array.Fill(StateSteps, -1L);
}
