using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Machines.Jobs;
using Coordinator.Programs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Worker.Assemblies;

/// <summary>
/// A rank's computing by a team's own program in this worker, around the device that runs it. What the program throws is a fault of this
/// rank alone. And it is watched like a program that is a process: it says what it is made up of and what it computes from state 0, and
/// every so many shards one is computed again.
/// </summary>
internal sealed class AssemblyDevice : IOwnDevice
{
    private readonly IRankDevice device;
    private readonly ProgramSpec program;
    private readonly ProgramAssembly assembly;
    private readonly ParameterLayout layout;
    private long computed;

    /// <summary>Computes a first shard and, at state 0, the one that tells whether ranks agree.</summary>
    /// <param name="device">Runs the program. Owned.</param>
    /// <param name="spec">The job.</param>
    /// <param name="assembly">The program's. Owned.</param>
    /// <param name="layout">Its tensors.</param>
    /// <exception cref="RankFaultException">The program failed, or computes another gradient when the shard is computed again.</exception>
    public AssemblyDevice(IRankDevice device, JobSpec spec, ProgramAssembly assembly, ParameterLayout layout)
    {
        (this.device, program, this.assembly, this.layout) = (device, spec.Program!, assembly, layout);
        Model = [.. layout.Tensors.Select(tensor => new ModelTensor(tensor.Name, [.. tensor.Shape.Select(axis => (long)axis)],
            tensor.Offset))];
        try
        {
            Identity = Probe();
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    public long ParameterCount => device.ParameterCount;

    public long StateElements => device.StateElements;

    public long ModelElements => device.ModelElements;

    public IReadOnlyList<ModelTensor>? Model { get; }

    public string Identity { get; }

    public string Client => $"{assembly.Name}, a program in .NET";

    public IEnumerable<(string Name, long Elements)> GradientTensors => layout.Tensors.Select(tensor => (tensor.Name, (long)tensor.Length));

    public void Initialize() => device.Initialize();

    public DeviceGradient CreateGradient() => device.CreateGradient();

    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        var result = Compute(step, shard, gradient, cancel);
        if (program.CheckEvery > 0 && !program.AllowNondeterminism && ++computed % program.CheckEvery == 0)
        {
            var before = Numbers(gradient);
            Compute(step, shard, gradient, cancel);
            if (FirstDifference(before, gradient) is { } element)
            {
                throw new ProgramDisagreementException(
                    $"shard {shard} of step {step} has another gradient when it is computed again at once: {NameOf(element)}. "
                        + $"{IOwnDevice.NoPromise}");
            }
        }

        return result;
    }

    public void Add(DeviceGradient sum, DeviceGradient addend) => device.Add(sum, addend);

    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets) =>
        device.ApplyStep(step, reduced, sumOfSquares, targets);

    public void ReadState(long offset, Span<float> destination) => device.ReadState(offset, destination);

    public void WriteState(long offset, ReadOnlySpan<float> source) => device.WriteState(offset, source);

    public void TakeRank(int rank) => device.TakeRank(rank);

    public void Abandon() => device.Abandon();

    public string NameOf(long element)
    {
        var tensor = layout.Tensors.Last(tensor => tensor.Offset <= element);
        return $"{tensor.Name} (element {element - tensor.Offset})";
    }

    public string StateNameOf(long element)
    {
        string[] parts = ["", "the first moment of ", "the second moment of "];
        return $"{parts[Math.Min(element / ParameterCount, 2)]}{NameOf(element % ParameterCount)}";
    }

    public void Dispose()
    {
        device.Dispose();
        assembly.Dispose();
    }

    private ShardResult Compute(long step, int shard, DeviceGradient gradient, CancellationToken cancel)
    {
        ShardResult result;
        try
        {
            result = device.ComputeShard(step, shard, gradient, cancel);
        }
        catch (Exception thrown) when (thrown is not (RankFaultException or DataException or DeviceLostException)
            && !(thrown is OperationCanceledException && cancel.IsCancellationRequested))
        {
            throw assembly.Fault($"in shard {shard} of step {step}", thrown);
        }

        return result.Targets >= 0
            ? result
            : throw new ProgramCodeException($"{assembly.Name} counted {result.Targets} targets in shard {shard} of step {step}; there "
            + $"are 0 or more");
    }

    /// <summary>One uncounted shard, since a first call compiles code; then the probe, twice.</summary>
    private string Probe()
    {
        device.Initialize();
        using var gradient = device.CreateGradient();
        Compute(1, 0, gradient, CancellationToken.None);
        Compute(1, 0, gradient, CancellationToken.None);
        var probe = Numbers(gradient);
        Compute(1, 0, gradient, CancellationToken.None);
        if (!program.AllowNondeterminism && FirstDifference(probe, gradient) is { } element)
        {
            throw new InvalidJobException(
                $"The program computes another gradient for the same shard and the same state: {NameOf(element)}. {IOwnDevice.NoPromise}");
        }

        // What of a processor a program's own code can see: the runtime, and how wide its vectors are.
        var schema = string.Join('\n', layout.Tensors.Select(tensor => $"{tensor.Name} {string.Join(',', tensor.Shape)}"));
        var said = $"dotnet-{Environment.Version} {CpuDeviceClass.ArchitectureName} vectors={Vector<byte>.Count * 8} "
            + $"contract={ProgramContract.Version} "
            + $"schema={Short(SHA256.HashData(Encoding.UTF8.GetBytes(schema)))} state0={Short(StateHash())}";
        return program.AllowNondeterminism ? said : $"{said} probe={Short(SHA256.HashData(probe))}";
    }

    private byte[] StateHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var piece = new float[Math.Min(1 << 18, StateElements)];
        for (long offset = 0; offset < StateElements; offset += piece.Length)
        {
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, StateElements - offset));
            device.ReadState(offset, part);
            hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(part));
        }

        return hash.GetHashAndReset();
    }

    private static string Short(byte[] hash) => Convert.ToHexStringLower(hash)[..16];

    private static byte[] Numbers(DeviceGradient gradient)
    {
        gradient.AwaitDownload(gradient.Length);
        return gradient.Host(0, (int)gradient.Length).ToArray();
    }

    private static long? FirstDifference(byte[] before, DeviceGradient gradient)
    {
        gradient.AwaitDownload(gradient.Length);
        var same = before.AsSpan().CommonPrefixLength(gradient.Host(0, (int)gradient.Length));
        return same < before.Length ? same / sizeof(float) : null;
    }
}
