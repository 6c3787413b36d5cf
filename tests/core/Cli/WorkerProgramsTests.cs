using System.Net;
using System.Security.Cryptography;
using Coordinator.Cli.Runs;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Data;
using Coordinator.Worker.Data;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Cli;

/// <summary>Data that no silo has are waited for, and then the job's fault.</summary>
public sealed class WorkerProgramsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly JobSpec spec;

    public WorkerProgramsTests()
    {
        var model = new ModelSpec { Layers = 1, Heads = 1, Channels = 8, Block = 4 };
        spec = new JobSpec { Model = model, Data = new DataFreezer(folder.Of("submitter")).Freeze(folder.Write("a.txt", "hello world"), model) };
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Data_that_are_nowhere_are_the_jobs_fault_and_named()
    {
        using var programs = Programs((_, _) => throw NotThere(), TimeSpan.Zero);
        var missing = await Assert.ThrowsAsync<MissingDataException>(() => CreateAsync(programs));
        Assert.Equal(FaultKind.Job, missing.Kind);
        Assert.Contains(spec.Data.Sha256, missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_that_come_back_in_time_are_taken()
    {
        var asked = 0;
        using var programs = Programs((_, stream) => ++asked == 1 ? throw NotThere() : stream.WriteAsync("hello world"u8.ToArray()).AsTask(), TimeSpan.FromMinutes(1));
        (await CreateAsync(programs)).Dispose();
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_silo_that_is_away_says_nothing_of_the_job()
    {
        using var programs = Programs((_, _) => throw new HttpRequestException("connection refused"), TimeSpan.Zero);
        Assert.Equal(FaultKind.Worker, RankFaultException.KindOf(await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync(programs))));
    }

    [Theory]
    [InlineData(DataProblem.Missing, FaultKind.Worker)]
    [InlineData(DataProblem.Unreadable, FaultKind.Worker)]
    [InlineData(DataProblem.Corrupt, FaultKind.Worker)]
    [InlineData(DataProblem.NotInStore, FaultKind.Worker)]
    [InlineData(DataProblem.StoreUnwritable, FaultKind.Worker)]
    [InlineData(DataProblem.Empty, FaultKind.Job)]
    [InlineData(DataProblem.TooShort, FaultKind.Job)]
    [InlineData(DataProblem.TokenOutOfRange, FaultKind.Job)]
    [InlineData(DataProblem.SizeMismatch, FaultKind.Job)]
    [InlineData(DataProblem.UnknownVersion, FaultKind.Job)]
    [InlineData(DataProblem.MixedKinds, FaultKind.Job)]
    public void Data_are_never_a_gpus_fault(DataProblem problem, FaultKind kind) =>
        Assert.Equal(kind, RankFaultException.KindOf(new InvalidOperationException("a rank cannot go on", new DataException(problem, "data"))));

    [Fact]
    public async Task Data_that_were_damaged_while_they_were_in_use_are_fetched_again_for_the_next_rank()
    {
        var sound = Enumerable.Repeat((byte)'a', 1000).ToArray();
        var data = new DataSpec { Sha256 = Convert.ToHexStringLower(SHA256.HashData(sound)), Bytes = sound.Length };
        var asked = 0;
        using var programs = Programs(
            (_, stream) =>
            {
                asked++;
                return stream.WriteAsync(sound).AsTask();
            },
            TimeSpan.Zero);
        var job = new JobSpec
        {
            Model = new ModelSpec { Layers = 1, Heads = 1, Channels = 8, Block = 4 },
            Training = new TrainingSpec { Steps = 2, BatchSize = 4, Shards = 4, MicroBatch = 1 },
            Data = data,
        };
        using (var device = await programs.CreateAsync(new JobId("j"), job, new GpuId(new NodeId("a"), 0), CancellationToken.None))
        {
            File.WriteAllBytes(DataStore.PathOf(folder.Of("worker"), data.Sha256), []);
            var damaged = Assert.Throws<DataException>(() => Compute(device));
            Assert.Equal(FaultKind.Worker, RankFaultException.KindOf(damaged));
        }

        using var next = await programs.CreateAsync(new JobId("j"), job, new GpuId(new NodeId("a"), 0), CancellationToken.None);
        Compute(next);
        Assert.Equal(2, asked);

        static void Compute(Coordinator.Worker.Devices.IRankDevice device)
        {
            device.Initialize();
            using var gradient = device.CreateGradient();
            device.ComputeShard(1, 0, gradient, CancellationToken.None);
        }
    }

    private static HttpRequestException NotThere() => new("there is no such data set", null, HttpStatusCode.NotFound);

    private WorkerPrograms Programs(Func<string, Stream, Task> fetch, TimeSpan patience) =>
        new(new DataStore(folder.Of("worker"), fetch), new CpuDeviceOptions()) { DataPatience = patience };

    private Task<Coordinator.Worker.Devices.IRankDevice> CreateAsync(WorkerPrograms programs) =>
        programs.CreateAsync(new JobId("j"), spec, new GpuId(new NodeId("a"), 0), CancellationToken.None);
}
