using Coordinator.Machines;

namespace Coordinator.Worker.Ranks;

/// <summary>What a host drives: <see cref="RankMachine"/>, or a script in tests.</summary>
public interface IRankMachine
{
    /// <inheritdoc cref="RankMachine.NextDeadline"/>
    TimeSpan? NextDeadline { get; }

    /// <inheritdoc cref="RankMachine.Applied"/>
    long Applied { get; }

    /// <inheritdoc cref="RankMachine.Activity"/>
    string Activity { get; }

    /// <inheritdoc cref="RankMachine.Generation"/>
    long Generation { get; }

    /// <inheritdoc cref="RankMachine.Handle"/>
    void Handle(TimeSpan now, RankInput input, List<RankOutput> outputs);
}

/// <summary>The shipping machine.</summary>
internal sealed class ShippingRankMachine(RankOptions options) : IRankMachine
{
    private readonly RankMachine machine = new(options);

    public TimeSpan? NextDeadline => machine.NextDeadline;

    public long Applied => machine.Applied;

    public string Activity => machine.Activity;

    public long Generation => machine.Generation;

    public void Handle(TimeSpan now, RankInput input, List<RankOutput> outputs) => machine.Handle(now, input, outputs);
}
