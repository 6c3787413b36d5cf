namespace Coordinator.Decoders.Targets;

/// <summary>
/// What a worker that lies can do to the machines: frames that the gateway accepts go on to the grains of node, gpus, job and cluster, in
/// the middle of a training with an honest worker beside. A machine that throws ends its silo; none may, nor loop, nor write a state that
/// cannot be loaded again.
/// </summary>
public sealed class WorkerMessageTarget : DecoderTarget
{
    private LiarsWorld world = new(new Dice(0));

    /// <inheritdoc/>
    public override string Name => "worker-message";

    /// <inheritdoc/>
    public override string About => "frames of a worker that lies, through the gateway into the machines";

    /// <inheritdoc/>
    public override int RowLength => 60;

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Fragments => WorkerWords.Fragments;

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (96 << 20) + (256L * length);

    /// <inheritdoc/>
    public override void Begin(Dice dice) => world = new LiarsWorld(dice);

    /// <inheritdoc/>
    public override byte[] Make(Dice dice) => world.Speak(dice);

    /// <inheritdoc/>
    public override bool Read(byte[] input) => world.Hear(input);
}
