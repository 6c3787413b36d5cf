using System.Net;
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
        Assert.Equal(FaultKind.Unknown, RankFaultException.KindOf(await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync(programs))));
    }

    private static HttpRequestException NotThere() => new("there is no such data set", null, HttpStatusCode.NotFound);

    private WorkerPrograms Programs(Func<string, Stream, Task> fetch, TimeSpan patience) =>
        new(new DataStore(folder.Of("worker"), fetch), new CpuDeviceOptions()) { DataPatience = patience };

    private Task<Coordinator.Worker.Devices.IRankDevice> CreateAsync(WorkerPrograms programs) =>
        programs.CreateAsync(new JobId("j"), spec, new GpuId(new NodeId("a"), 0), CancellationToken.None);
}
