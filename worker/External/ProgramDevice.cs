using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Worker.External;

/// <summary>
/// A rank's computing in a process of its own: the state lies in memory that both share, the process computes gradients of shards and takes
/// optimizer steps when it is told to, and everything else of a rank goes on here.
/// <para>
/// A process is good for one device. Whatever goes wrong with it (<see cref="ProgramFaultException"/>) ends it, and the rank's next device
/// begins with a new one, which computes uncounted shards first: what is compiled at a first call would compute other bits there.
/// </para>
/// </summary>
public sealed class ProgramDevice : IOwnDevice
{
    private const uint StateWritten = 1;
    private const uint Uncounted = 2;
    private const uint RankZero = 4;
    private const int Alignment = 4096;
    private const ulong OrderPurpose = 1;
    private const ulong ShardPurpose = 3;

    private readonly JobSpec spec;
    private readonly ProgramSpec program;
    private readonly ProgramSession session;
    private readonly ProgramDescription description;
    private readonly SharedMemory memory;
    private readonly long gradientAt;
    private readonly long indicesAt;
    private long computed;
    private volatile int rank = -1;
    private bool isFresh = true;
    private bool isWritten;

    /// <summary>Starts a process, and waits until it has joined and computed its uncounted shards.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="launch">How the process is started.</param>
    /// <param name="cancel">Nobody wants it any more.</param>
    /// <exception cref="ProgramFaultException">It did not come so far.</exception>
    public ProgramDevice(JobSpec spec, ProgramLaunch launch, CancellationToken cancel)
    {
        (this.spec, program) = (spec, spec.Program ?? throw new InvalidJobException("The job names no program of its own."));
        session = ProgramSession.Start(launch, program, cancel);
        try
        {
            description = session.Describe();
            gradientAt = Aligned(description.StateBytes);
            indicesAt = gradientAt + Aligned((long)description.GradientElements * sizeof(float));
            memory = SharedMemory.Create(indicesAt + Aligned(MostSamples * sizeof(long)));
            try
            {
                session.ShareAndAwaitReady(memory, gradientAt, indicesAt);
                Identity = Probe(cancel);
            }
            catch
            {
                memory.Dispose();
                throw;
            }
        }
        catch
        {
            session.Dispose();
            throw;
        }

        Model = Entries(tensor => tensor.IsModel);
        Trained = description.Tensors.Any(tensor => tensor.IsTrained) ? Entries(tensor => tensor.IsTrained) : Model;
    }

    /// <inheritdoc/>
    public int ParameterCount => description.GradientElements;

    /// <inheritdoc/>
    public long StateElements => description.StateBytes / sizeof(float);

    /// <inheritdoc/>
    public int ModelElements => (int)(description.ModelBytes / sizeof(float));

    /// <inheritdoc/>
    public IReadOnlyList<ModelTensor>? Model { get; }

    /// <inheritdoc/>
    /// <remarks>Of a program that does not say which entries it trains these are the model's.</remarks>
    public IReadOnlyList<ModelTensor>? Trained { get; }

    /// <inheritdoc/>
    public string Identity { get; }

    /// <summary>What the program said of itself.</summary>
    public ProgramDescription Description => description;

    /// <inheritdoc/>
    public string Client => description.Client;

    /// <inheritdoc/>
    public IEnumerable<(string Name, long Elements)> GradientTensors =>
        description.Tensors.Where(tensor => tensor.IsTrained).Select(tensor => (tensor.Name, tensor.Elements));

    /// <inheritdoc/>
    public string NameOf(long element) => description.NameOf(element);

    /// <inheritdoc/>
    public string StateNameOf(long element) =>
        description.Tensors.LastOrDefault(tensor => tensor.Offset <= element * sizeof(float))?.Name ?? $"byte {element * sizeof(float)}";

    /// <summary>The process's number, for people and tests.</summary>
    public int ProcessId => session.ProcessId;

    private ModelTensor[] Entries(Func<ProgramTensor, bool> isWanted) =>
    [
        .. description.Tensors.Where(isWanted)
            .Select(tensor => new ModelTensor(tensor.Name, tensor.Shape, (int)(tensor.Offset / sizeof(float))) { Dtype = tensor.Dtype }),
    ];

    private int MostSamples => (spec.Training.BatchSize + spec.Training.Shards - 1) / spec.Training.Shards;

    /// <inheritdoc/>
    public void Initialize()
    {
        // The process began with the state of step 0, and nothing else makes one. Whoever has to begin again begins with a new process.
        if (!isFresh)
        {
            throw new ProgramFaultException(
                "the job begins again from its first step, and the program's state is a later one: a new process takes its place");
        }
    }

    /// <inheritdoc/>
    public DeviceGradient CreateGradient() => new HostGradient(ParameterCount);

    /// <inheritdoc/>
    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        var numbers = NumbersOf(gradient);
        var result = Compute(step, shard, TakeFlags(), cancel);
        memory.Floats(gradientAt, ParameterCount).CopyTo(numbers);
        if (program.CheckEvery > 0 && !program.AllowNondeterminism && ++computed % program.CheckEvery == 0)
        {
            Compute(step, shard, Uncounted, cancel);
            if (FirstDifference(numbers) is { } element)
            {
                throw session.Broken($"shard {shard} of step {step} has another gradient when it is computed again at once: "
                    + $"{description.NameOf(element)}. {IOwnDevice.NoPromise}");
            }
        }

        return result;
    }

    /// <inheritdoc/>
    public void Add(DeviceGradient sum, DeviceGradient addend) => BlockMath.Add(NumbersOf(sum), NumbersOf(addend));

    /// <inheritdoc/>
    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets)
    {
        NumbersOf(reduced).CopyTo(memory.Floats(gradientAt, ParameterCount));
        isFresh = false;
        Span<byte> body = stackalloc byte[32];
        BinaryPrimitives.WriteInt64LittleEndian(body, step);
        BinaryPrimitives.WriteDoubleLittleEndian(body[8..], sumOfSquares);
        BinaryPrimitives.WriteInt64LittleEndian(body[16..], targets);
        BinaryPrimitives.WriteUInt32LittleEndian(body[24..], TakeFlags() | (rank == 0 ? RankZero : 0));
        return session.Ask(ProgramMessage.Apply, body, program.HangTimeout, $"step {step}", ProgramMessage.Applied).Norm();
    }

    /// <inheritdoc/>
    public void ReadState(long offset, Span<float> destination) =>
        memory.Floats(offset * sizeof(float), destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public void WriteState(long offset, ReadOnlySpan<float> source)
    {
        (isFresh, isWritten) = (false, true);
        source.CopyTo(memory.Floats(offset * sizeof(float), source.Length));
    }

    /// <inheritdoc/>
    public void TakeRank(int rank) => this.rank = rank;

    /// <inheritdoc/>
    public void Abandon() => session.Abandon();

    /// <inheritdoc/>
    public void Dispose()
    {
        session.Dispose();
        memory.Dispose();
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>
    /// The uncounted shards, and then a probe, whose hash tells whether this process computes what others of its job do; with the hash of
    /// the state that it began with, and of the schema.
    /// </summary>
    private string Probe(CancellationToken cancel)
    {
        for (var i = 0; i <= program.WarmUpShards; i++)
        {
            cancel.ThrowIfCancellationRequested();
            Compute(1, 0, Uncounted, cancel);
        }

        var first = memory.Floats(gradientAt, ParameterCount).ToArray();
        Compute(1, 0, Uncounted, cancel);
        if (!program.AllowNondeterminism && FirstDifference(first) is { } element)
        {
            // It would do so on every device, and nothing has been trained yet.
            throw new InvalidJobException(
                $"The program computes another gradient for the same shard and the same state: {description.NameOf(element)}. "
                    + $"{IOwnDevice.NoPromise}");
        }

        var probe = HashOf(gradientAt, (long)ParameterCount * sizeof(float));
        var said = $"{description.DeviceClass} schema={description.SchemaSha256()[..16]} state0={HashOf(0, description.StateBytes)[..16]}";
        return program.AllowNondeterminism ? said : $"{said} probe={probe[..16]}";
    }

    private long? FirstDifference(ReadOnlySpan<float> before)
    {
        var bytes = MemoryMarshal.AsBytes(before);
        var same = bytes.CommonPrefixLength(memory.Span(gradientAt, bytes.Length));
        return same < bytes.Length ? same / sizeof(float) : null;
    }

    private string HashOf(long offset, long bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var end = offset + bytes; offset < end;)
        {
            var piece = (int)Math.Min(1 << 20, end - offset);
            hash.AppendData(memory.Span(offset, piece));
            offset += piece;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private ShardResult Compute(long step, int shard, uint flags, CancellationToken cancel)
    {
        var samples = ShardSamples.Of(spec.Training, step, shard);
        WriteIndices(samples);
        Span<byte> body = stackalloc byte[40];
        BinaryPrimitives.WriteInt64LittleEndian(body, step);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], samples.FirstPosition);
        BinaryPrimitives.WriteUInt64LittleEndian(
            body[16..], BitMixer.Key(BitMixer.Key(spec.Training.Seed, ShardPurpose, (ulong)step), ShardPurpose, (ulong)shard));
        BinaryPrimitives.WriteInt32LittleEndian(body[24..], shard);
        BinaryPrimitives.WriteUInt32LittleEndian(body[28..], flags);
        BinaryPrimitives.WriteInt32LittleEndian(body[32..], samples.Count);
        var what = string.Create(CultureInfo.InvariantCulture, $"shard {shard} of step {step}");
        var answer = session.Ask(ProgramMessage.Compute, body, program.HangTimeout, what, ProgramMessage.Computed, cancel);
        try
        {
            var (loss, targets) = answer.Result();
            return new ShardResult(loss, targets);
        }
        catch (FormatException wrong)
        {
            throw session.Broken(wrong.Message);
        }
    }

    /// <summary>
    /// The samples of a shard: position p of the job is sample number (permutation of its epoch)(p mod samples), or p itself.
    /// </summary>
    private void WriteIndices(ShardSamples samples)
    {
        var to = memory.Span(indicesAt, samples.Count * sizeof(long));
        KeyedPermutation? order = null;
        var epoch = -1L;
        for (var i = 0; i < samples.Count; i++)
        {
            var position = samples.FirstPosition + i;
            var index = position;
            if (description.Samples > 0)
            {
                if (position / description.Samples != epoch)
                {
                    epoch = position / description.Samples;
                    order = new KeyedPermutation(description.Samples, BitMixer.Key(spec.Training.Seed, OrderPurpose, (ulong)epoch));
                }

                index = order!.Value.Apply(position % description.Samples);
            }

            BinaryPrimitives.WriteInt64LittleEndian(to[(i * sizeof(long))..], index);
        }
    }

    private uint TakeFlags()
    {
        var flags = isWritten ? StateWritten : 0;
        isWritten = false;
        return flags;
    }

    private Span<float> NumbersOf(DeviceGradient gradient) => gradient is HostGradient host && host.Length == ParameterCount
        ? host.Floats
        : throw new ArgumentException(
            $"A program's device was handed a gradient that it did not make; it computes with its own of {ParameterCount} elements.",
            nameof(gradient));
}
