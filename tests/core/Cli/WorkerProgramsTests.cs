using System.Net;
using System.Security.Cryptography;
using Coordinator.Cli.Workers;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Tests.Worker;
using Coordinator.Worker;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Processes;
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
        spec = new JobSpec
        {
            Model = model,
            Data = new DataFreezer(folder.File("submitter")).Freeze(folder.Write("a.txt", "hello world"), model),
        };
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Data_that_are_nowhere_are_the_jobs_fault_and_named()
    {
        using var programs = Programs((_, _, _) => throw NotThere(), TimeSpan.Zero);
        var missing = await Assert.ThrowsAsync<MissingDataException>(() => CreateAsync(programs));
        Assert.Equal(FaultKind.Job, missing.Kind);
        Assert.Contains(spec.Data.Sha256, missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_that_come_back_in_time_are_taken()
    {
        var asked = 0;
        using var programs = Programs(
            (_, stream, cancel) => ++asked == 1 ? throw NotThere() : stream.WriteAsync("hello world"u8.ToArray(), cancel).AsTask(),
            TimeSpan.FromMinutes(1));
        (await CreateAsync(programs)).Dispose();
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_silo_that_is_away_says_nothing_of_the_job()
    {
        using var programs = Programs((_, _, _) => throw new HttpRequestException("connection refused"), TimeSpan.Zero);
        Assert.Equal(
            FaultKind.Worker, RankFaultException.KindOf(await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync(programs))));
    }

    [Fact]
    public async Task A_teams_own_program_in_the_worker_is_refused_where_the_operator_wants_none_or_wants_them_apart()
    {
        var own = spec with
        {
            Model = new ModelSpec { Program = "dotnet" },
            Program = new ProgramSpec { Entry = "Mlp.dll", Sha256 = new string('a', 64), Bytes = 1 },
        };
        using var closed = Programs((_, _, _) => throw NotThere(), TimeSpan.Zero);
        var refused = await Assert.ThrowsAsync<RankFaultException>(() => CreateAsync(closed, own));
        Assert.Equal((FaultKind.Worker, OwnPrograms.Refused(user: null).Message), (refused.Kind, refused.Message));

        var policy = new ProgramPolicy { Allowed = true, User = new ProgramUser("trainer", 12345, 12345, "/") };
        using var launcher = new ProgramLauncher(policy, "tests of refusals", 1, new SilentLog());
        using var apart = new WorkerPrograms(new DataStore(folder.File("worker")), new CpuDeviceOptions()) { Launcher = launcher };
        refused = await Assert.ThrowsAsync<RankFaultException>(() => CreateAsync(apart, own));
        Assert.Equal((FaultKind.Worker, OwnPrograms.Refused("trainer").Message), (refused.Kind, refused.Message));
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
        Assert.Equal(
            kind, RankFaultException.KindOf(new InvalidOperationException("a rank cannot go on", new DataException(problem, "data"))));

    [Theory]
    [InlineData("cut")]
    [InlineData("flipped")]
    public async Task Data_that_were_damaged_while_they_were_in_use_are_fetched_again_for_the_next_rank(string how)
    {
        var sound = Enumerable.Repeat((byte)'a', 1000).ToArray();
        var data = new DataSpec { Sha256 = Convert.ToHexStringLower(SHA256.HashData(sound)), Bytes = sound.Length };
        var asked = 0;
        using var programs = Programs(
            (_, stream, cancel) =>
            {
                asked++;
                return stream.WriteAsync(sound, cancel).AsTask();
            },
            TimeSpan.Zero);
        var job = new JobSpec
        {
            Model = new ModelSpec { Layers = 1, Heads = 1, Channels = 8, Block = 4 },
            Training = new TrainingSpec { Steps = 2, BatchSize = 4, Shards = 4, MicroBatch = 1 },
            Data = data,
        };
        using (var device = await CreateAsync(programs, job))
        {
            var path = DataStore.PathOf(folder.File("worker"), data.Sha256);
            File.WriteAllBytes(path, how == "cut" ? [] : [.. sound[1..], (byte)'b']);
            File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
            var damaged = Assert.Throws<DataException>(() => Compute(device));
            Assert.Equal(FaultKind.Worker, RankFaultException.KindOf(damaged));
        }

        using var next = await CreateAsync(programs, job);
        Compute(next);
        Assert.Equal(2, asked);

        static void Compute(IRankDevice device)
        {
            device.Initialize();
            using var gradient = device.CreateGradient();
            device.ComputeShard(1, 0, gradient, CancellationToken.None);
        }
    }

    [Fact]
    public void A_device_is_made_on_the_thread_that_asked_however_late_its_data_come()
    {
        var backend = new NotingBackend();
        using var set = new DeviceBackendSet(backend);
        var mayCome = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var programs = new WorkerPrograms(
            new DataStore(folder.File("worker"), async (_, stream, cancel) =>
            {
                await mayCome.Task;
                await stream.WriteAsync("hello world"u8.ToArray(), cancel);
            }),
            new CpuDeviceOptions(),
            [new DeviceDescription { Device = "noting:0", Name = "noting", MemoryBytes = 1, DeviceClass = "noting" }],
            set);
        var thread = new Thread(
            () => programs.Create(new JobId("j"), spec, new GpuId(new NodeId("a"), 0), CancellationToken.None).Dispose());
        thread.Start();
        mayCome.SetResult();
        thread.Join();
        Assert.Same(thread, backend.MadeOn);
    }

    [Fact]
    public async Task A_file_that_does_not_come_is_waited_for_no_longer_than_the_rank_is_wanted()
    {
        using var programs = Programs((_, _, _) => new TaskCompletionSource().Task, TimeSpan.Zero);
        using var gone = new CancellationTokenSource();
        var making = Task.Run(() => programs.Create(new JobId("j"), spec, new GpuId(new NodeId("a"), 0), gone.Token));
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => making.For("the end of the making"));
    }

    private static HttpRequestException NotThere() => new("there is no such data set", null, HttpStatusCode.NotFound);

    private WorkerPrograms Programs(Func<string, Stream, CancellationToken, Task> fetch, TimeSpan patience) =>
        new(new DataStore(folder.File("worker"), fetch), new CpuDeviceOptions()) { DataPatience = patience };

    private Task<IRankDevice> CreateAsync(WorkerPrograms programs, JobSpec? job = null) =>
        Task.Run(() => programs.Create(new JobId("j"), job ?? spec, new GpuId(new NodeId("a"), 0), CancellationToken.None));

    /// <summary>Notes the thread on which it made its device.</summary>
    private sealed class NotingBackend : IDeviceBackend
    {
        public Thread? MadeOn { get; private set; }

        public string Name => "noting";

        public IReadOnlyList<DeviceDescription> List() => [];

        public IRankDevice Create(JobSpec spec, ISampleSource? samples, DeviceDescription device)
        {
            MadeOn = Thread.CurrentThread;
            return new TinyDevice(1);
        }

        public void Dispose()
        {
        }
    }
}
