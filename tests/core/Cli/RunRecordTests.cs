using Coordinator.Runs.Jobs;

namespace Coordinator.Tests.Cli;

/// <summary>Directories of runs that earlier versions wrote.</summary>
public sealed class RunRecordTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("record-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_run_that_named_the_library_of_ILGPU_goes_on_without_it()
    {
        await File.WriteAllTextAsync(
            Path.Combine(directory, "run.json"),
            """{"job":"train-1","gpusPerWorker":2,"workerArguments":[["--device","ilgpu:cpu,ilgpu:cpu","--ilgpu","/opt/ilgpu/Coordinator.Worker.Ilgpu.dll"],["--gpus","2"]],"output":"/model"}""");

        var arguments = RunRecord.Load(directory).WorkerArguments;

        Assert.Equal([["--device", "ilgpu:cpu,ilgpu:cpu"], ["--gpus", "2"]], arguments);
    }
}
