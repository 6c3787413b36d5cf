using Coordinator.Machines;
using Coordinator.Worker.Ranks;

namespace Coordinator.Worker.Devices;

/// <summary>What one shard contributed to a step, beside its gradient.</summary>
/// <param name="LossSum">Sum of the cross-entropy (or squared error) over the shard's targets, not a mean.</param>
/// <param name="Targets">Number of targets that the sum covers.</param>
public readonly record struct ShardResult(double LossSum, long Targets);

/// <summary>
/// One rank's computing: state of <c>n</c> float32 parameters with two AdamW moments, gradients, and the operations on them, all of it
/// where the device keeps it. The state at step s is a pure function of the job's spec and s: a device adds nothing of its own.
/// <para>
/// Two threads use a device. On the <em>device's thread</em>, one at a time: <see cref="Initialize"/>, <see cref="ComputeShard"/>,
/// <see cref="ApplyStep"/>, <see cref="WriteState"/>. On the <em>rank's loop</em>, one at a time, and beside a <see cref="ComputeShard"/>
/// that is under way: <see cref="CreateGradient"/>, <see cref="Add"/>, and the members of <see cref="DeviceGradient"/>.
/// <see cref="ReadState"/> is called by either, and never while the state is being written.
/// </para>
/// Work may be queued on the device and go on after the call, as long as later calls see its effect; <see cref="ComputeShard"/>,
/// <see cref="ApplyStep"/>, <see cref="ReadState"/> and <see cref="WriteState"/> return when theirs is done. A device that is lost throws
/// <see cref="DeviceLostException"/> from whatever call meets it first.
/// </summary>
public interface IRankDevice : IDisposable
{
    /// <summary>Number of parameters n; gradients have the same length.</summary>
    long ParameterCount { get; }

    /// <summary>Length of the whole state in floats: parameters, first moments, second moments, each n, in this order.</summary>
    long StateElements => 3 * ParameterCount;

    /// <summary>Elements at the state's beginning that the final model is made of; by default the parameters.</summary>
    long ModelElements => ParameterCount;

    /// <summary>Tensors of the final model among them; null: those that the job's spec gives.</summary>
    IReadOnlyList<ModelTensor>? Model => null;

    /// <summary>Entries of the state that the optimizer changes; null: the parameters, which are float32 and stand first.</summary>
    IReadOnlyList<ModelTensor>? Trained => null;

    /// <summary>
    /// What all devices of a job must say alike, beyond their class: how a program of one's own is made up, and what it begins with and
    /// computes. Empty where the spec decides that.
    /// </summary>
    string Identity => "";

    /// <summary>
    /// What a program of one's own began with, to find the first tensor that differs: of each entry of its state the beginning of its hash,
    /// a space and its name. Empty where the spec decides that.
    /// </summary>
    IReadOnlyList<string> InitialState => [];

    /// <summary>Sets the state of step 0 from the job's seed.</summary>
    void Initialize();

    /// <summary>
    /// A gradient on this device, of undefined content. Its owner keeps and uses it again; it is disposed of before the device.
    /// </summary>
    DeviceGradient CreateGradient();

    /// <summary>
    /// Gradient of the sum (not mean) of the losses over shard <paramref name="shard"/> of step <paramref name="step"/>,
    /// at the present parameters. Overwrites all n elements of <paramref name="gradient"/>.
    /// </summary>
    /// <param name="step">The step being computed, from 1; it uses batch number <c>step - 1</c>.</param>
    /// <param name="shard">Shard number, 0 to L - 1.</param>
    /// <param name="gradient">Receives the gradient. A sum or a copy that still reads its old content ends first.</param>
    /// <param name="cancel">Ends the computing early, at the next micro-batch or layer.</param>
    /// <exception cref="OperationCanceledException">The computing was ended; <paramref name="gradient"/> holds nothing of use.</exception>
    ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel);

    /// <summary>
    /// <c>sum[i] = sum[i] + addend[i]</c>, rounded once, where both live. Both were computed (or added up) by calls that have returned;
    /// a <see cref="ComputeShard"/> into a third gradient may be under way. <see cref="DeviceGradient.Loss"/> and
    /// <see cref="DeviceGradient.Targets"/> are the caller's to add. <paramref name="addend"/> may be computed into again at once.
    /// </summary>
    void Add(DeviceGradient sum, DeviceGradient addend);

    /// <summary>
    /// One optimizer step in place: scales the reduced gradient by 1 / targets, clips by the global norm, applies AdamW.
    /// </summary>
    /// <param name="step">The step being applied, from 1.</param>
    /// <param name="reduced">Sum of all shards' gradients, all of it handed over by <see cref="DeviceGradient.BeginUpload"/>; not
    /// changed.</param>
    /// <param name="sumOfSquares">Sum of the squares of <paramref name="reduced"/>, combined as the collective does.</param>
    /// <param name="targets">Targets of the whole step.</param>
    /// <returns>The gradient norm after scaling and before clipping.</returns>
    double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets);

    /// <summary>
    /// The rank's number in its newest plan, for devices that tell somebody what they do. It decides no bit. Any thread may call it.
    /// </summary>
    void TakeRank(int rank)
    {
    }

    /// <summary>Steps up to here are recorded, by the timeline of the newest plan. It decides no bit. Any thread may call it.</summary>
    void TakeRecorded(long through)
    {
    }

    /// <summary>
    /// The state is that of the job's last step, and nothing but its hash and the model is asked for from now on: what the device does
    /// beside the steps is to be done first. On the device's thread.
    /// </summary>
    void Complete(long step)
    {
    }

    /// <summary>What the device does beside the rank's steps at this moment, for people; null: nothing. Any thread may ask.</summary>
    string? Activity => null;

    /// <summary>Whose fault it is where a call of the device never ends.</summary>
    FaultKind HangKind => FaultKind.Device;

    /// <summary>
    /// Nobody waits for the call under way any more, and nothing but <see cref="IDisposable.Dispose"/> follows: a device that can end it
    /// does.
    /// Any thread may call it.
    /// </summary>
    void Abandon()
    {
    }

    /// <summary>Copies part of the state out, from element <paramref name="offset"/> of the whole.</summary>
    void ReadState(long offset, Span<float> destination);

    /// <summary>Copies part of the state in, at element <paramref name="offset"/> of the whole.</summary>
    void WriteState(long offset, ReadOnlySpan<float> source);
}
