using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>A row of <c>steps</c>.</summary>
internal sealed class StepRow
{
    public long Ordinal { get; init; }

    public string Job { get; init; } = "";

    public int Timeline { get; init; }

    public long Step { get; init; }

    public long Generation { get; init; }

    public long LossBits { get; init; }

    public double? Loss => Readable(LossBits);

    public long GradientNormBits { get; init; }

    public double? GradientNorm => Readable(GradientNormBits);

    public double? Milliseconds { get; init; }

    public long Targets { get; init; }

    public long RecordedAtUs { get; init; }

    public StoredStep ToStored() => new(Ordinal, Timeline, Microseconds.ToTime(RecordedAtUs), new StepRecord(
        Step,
        Generation,
        BitConverter.Int64BitsToDouble(LossBits),
        BitConverter.Int64BitsToDouble(GradientNormBits),
        Milliseconds ?? double.NaN,
        Targets));

    private static double? Readable(long bits) => Storable.OrNull(BitConverter.Int64BitsToDouble(bits));
}
