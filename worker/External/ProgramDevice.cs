using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines;
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
    private const string HookActivity = "in a hook";
    private const int Alignment = 4096;
    private const int MostInitialEntries = 4096;
    private const int MostInitialName = 160;
    private const ulong ShardPurpose = 3;

    private readonly JobSpec spec;
    private readonly ProgramSpec program;
    private readonly ProgramSession session;
    private readonly ProgramDescription description;
    private readonly SharedMemory memory;
    private readonly long gradientAt;
    private readonly long indicesAt;
    private readonly ProgramSamples samples;
    private readonly ProgramHooks hooks;
    private long computed;
    private volatile string? activity;
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
            indicesAt = gradientAt + Aligned(description.GradientElements * sizeof(float));
            samples = new ProgramSamples(spec.Training, description.Samples);
            memory = SharedMemory.Create(indicesAt + Aligned(ProgramSamples.BytesOf(spec.Training)));
            try
            {
                hooks = new ProgramHooks(session.ShareAndAwaitReady(memory, gradientAt, indicesAt));
                InitialState =
                [
                    .. description.Tensors.Take(MostInitialEntries)
                        .Select(tensor => $"{HashOf(tensor.Offset, tensor.Bytes)[..8]} "
                            + tensor.Name[..Math.Min(tensor.Name.Length, MostInitialName)]),
                ];
                Identity = Probe(cancel);
                session.NoteStarted();
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
    public long ParameterCount => description.GradientElements;

    /// <inheritdoc/>
    public long StateElements => description.StateBytes / sizeof(float);

    /// <inheritdoc/>
    public long ModelElements => description.ModelBytes / sizeof(float);

    /// <inheritdoc/>
    public IReadOnlyList<ModelTensor>? Model { get; }

    /// <inheritdoc/>
    /// <remarks>Of a program that does not say which entries it trains these are the model's.</remarks>
    public IReadOnlyList<ModelTensor>? Trained { get; }

    /// <inheritdoc/>
    public string Identity { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> InitialState { get; }

    /// <summary>
    /// How many of the uncounted shards at the process's start, which are one and the same, had other gradients than the last of them. More
    /// than <see cref="ProgramSpec.WarmUpShards"/>: the first that counted would have been another one.
    /// </summary>
    public int FirstCallsThatDiffer { get; private set; }

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
            .Select(tensor => new ModelTensor(tensor.Name, tensor.Shape, tensor.Offset / sizeof(float)) { Dtype = tensor.Dtype }),
    ];

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
    public DeviceGradient CreateGradient() => new HostGradient(ParameterCount, spec.Collective.BlockElements);

    /// <inheritdoc/>
    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        CallHooks(step - 1, cancel);
        var numbers = NumbersOf(gradient);
        var result = Compute(step, shard, TakeFlags(), cancel);
        TakeGradient(numbers);
        if (program.CheckEvery > 0 && !program.AllowNondeterminism && ++computed % program.CheckEvery == 0)
        {
            Compute(step, shard, Uncounted, cancel);
            if (FirstDifference(numbers) is { } element)
            {
                throw session.Disagrees($"shard {shard} of step {step} has another gradient when it is computed again at once: "
                    + $"{description.NameOf(element)}. {IOwnDevice.NoPromise}");
            }
        }

        return result;
    }

    /// <inheritdoc/>
    public void Add(DeviceGradient sum, DeviceGradient addend)
    {
        HostFloats to = NumbersOf(sum), from = NumbersOf(addend);
        to.Walk((at, piece) => BlockMath.Add(piece, from.From(at)));
    }

    /// <inheritdoc/>
    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets)
    {
        CallHooks(step - 1, CancellationToken.None);
        var numbers = NumbersOf(reduced);
        numbers.Walk((at, piece) => piece.CopyTo(GradientFrom(at, piece.Length)));
        isFresh = false;
        Span<byte> body = stackalloc byte[32];
        BinaryPrimitives.WriteInt64LittleEndian(body, step);
        BinaryPrimitives.WriteDoubleLittleEndian(body[8..], sumOfSquares);
        BinaryPrimitives.WriteInt64LittleEndian(body[16..], targets);
        BinaryPrimitives.WriteUInt32LittleEndian(body[24..], TakeFlags() | (hooks.Rank == 0 ? RankZero : 0));
        BinaryPrimitives.WriteInt32LittleEndian(body[28..], hooks.Rank + 1);
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
    public void TakeRank(int rank) => hooks.TakeRank(rank);

    /// <inheritdoc/>
    public void TakeRecorded(long through) => hooks.TakeRecorded(through);

    /// <inheritdoc/>
    public void Complete(long step) => CallHooks(step, CancellationToken.None);

    /// <inheritdoc/>
    public string? Activity => activity;

    /// <inheritdoc/>
    public FaultKind HangKind => FaultKind.Program;

    /// <inheritdoc/>
    public void Abandon()
    {
        hooks.Abandon();
        session.Abandon();
    }

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
        var gradients = new string[program.WarmUpShards + 2];
        for (var i = 0; i <= program.WarmUpShards; i++)
        {
            cancel.ThrowIfCancellationRequested();
            Compute(1, 0, Uncounted, cancel);
            gradients[i] = GradientHash();
        }

        var first = new HostFloats(ParameterCount);
        TakeGradient(first);
        Compute(1, 0, Uncounted, cancel);
        gradients[^1] = GradientHash();
        FirstCallsThatDiffer = Array.FindLastIndex(gradients, gradient => gradient != gradients[^1]) + 1;
        if (!program.AllowNondeterminism && FirstDifference(first) is { } element)
        {
            // It would do so on every device, and nothing has been trained yet.
            throw new InvalidJobException(
                $"The program computes another gradient for the same shard and the same state: {description.NameOf(element)}. "
                    + $"{IOwnDevice.NoPromise}");
        }

        var made = $"schema={description.SchemaSha256()[..16]} state0={HashOf(0, description.StateBytes)[..16]}";
        return program.AllowNondeterminism ? made : $"{description.DeviceClass} {made} probe={gradients[^1][..16]}";
    }

    private string GradientHash() => HashOf(gradientAt, ParameterCount * sizeof(float));

    /// <summary>Copies what the process computed: it computes the next shard into the same place.</summary>
    private void TakeGradient(HostFloats numbers) => numbers.Walk((at, piece) => GradientFrom(at, piece.Length).CopyTo(piece));

    private Span<float> GradientFrom(long start, int count) => memory.Floats(gradientAt + (start * sizeof(float)), count);

    /// <summary>By bits, as zeros of two signs and no numbers differ.</summary>
    private long? FirstDifference(HostFloats before)
    {
        for (var at = 0L; at < before.Length;)
        {
            var piece = before.From(at);
            var now = GradientFrom(at, piece.Length);
            var same = MemoryMarshal.Cast<float, int>(piece).CommonPrefixLength(MemoryMarshal.Cast<float, int>(now));
            if (same < piece.Length)
                return at + same;
            at += piece.Length;
        }

        return null;
    }

    /// <summary>A hash of each entry of the state, in the order of the description.</summary>
    private IReadOnlyList<string> StateHashes() => [.. description.Tensors.Select(tensor => HashOf(tensor.Offset, tensor.Bytes))];

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
        var positions = ShardSamples.Of(spec.Training, step, shard);
        samples.Write(step, shard, memory.Span(indicesAt, (int)Math.Min(int.MaxValue, memory.Bytes - indicesAt)));
        Span<byte> body = stackalloc byte[40];
        BinaryPrimitives.WriteInt64LittleEndian(body, step);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], positions.FirstPosition);
        BinaryPrimitives.WriteUInt64LittleEndian(
            body[16..], BitMixer.Key(BitMixer.Key(spec.Training.Seed, ShardPurpose, (ulong)step), ShardPurpose, (ulong)shard));
        BinaryPrimitives.WriteInt32LittleEndian(body[24..], shard);
        BinaryPrimitives.WriteUInt32LittleEndian(body[28..], flags);
        BinaryPrimitives.WriteInt32LittleEndian(body[32..], positions.Count);
        BinaryPrimitives.WriteInt32LittleEndian(body[36..], hooks.Rank + 1);
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
    /// What the program does of its own after a recorded step. It may change nothing: the hash of each entry of the state is the same
    /// afterwards, or the rank faults with the first that is not.
    /// </summary>
    private void CallHooks(long step, CancellationToken cancel)
    {
        if (!hooks.IsDue(step, cancel))
            return;
        activity = HookActivity;
        try
        {
            var before = StateHashes();
            Span<byte> body = stackalloc byte[16];
            BinaryPrimitives.WriteInt64LittleEndian(body, step);
            BinaryPrimitives.WriteUInt32LittleEndian(body[8..], TakeFlags());
            BinaryPrimitives.WriteInt32LittleEndian(body[12..], hooks.Rank + 1);
            session.Ask(
                ProgramMessage.Hook,
                body,
                program.HangTimeout,
                $"what the program does after step {step}",
                ProgramMessage.Hooked,
                CancellationToken.None);
            var after = StateHashes();
            for (var i = 0; i < before.Count; i++)
            {
                if (before[i] != after[i])
                {
                    throw session.Broken($"what the program does after step {step} (@job.every) changed {description.Tensors[i].Name}; "
                        + "it may change nothing of the state");
                }
            }
        }
        finally
        {
            activity = null;
        }

        hooks.NoteDone(step);
    }

    private uint TakeFlags()
    {
        var flags = isWritten ? StateWritten : 0;
        isWritten = false;
        return flags;
    }

    private HostFloats NumbersOf(DeviceGradient gradient) => gradient is HostGradient host && host.Length == ParameterCount
        ? host.Numbers
        : throw new ArgumentException(
            $"A program's device was handed a gradient that it did not make; it computes with its own of {ParameterCount} elements.",
            nameof(gradient));
}
