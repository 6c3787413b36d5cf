using Coordinator.Runs.Clusters;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Cli;

public sealed class RunDirectoryTests
{
    [Fact]
    public void A_checkpoint_is_one_once_its_manifest_is_there()
    {
        using var folder = new TemporaryFolder();
        using var run = RunDirectory.Create(folder.File("run"));
        Assert.False(run.HasCheckpoint);
        folder.Write("run/checkpoints/job/step-000000010.t0.g1/part-00000-of-00001.safetensors", "part");
        Assert.False(run.HasCheckpoint);
        folder.Write("run/checkpoints/job/step-000000010.t0.g1/manifest.json", "{}");
        Assert.True(run.HasCheckpoint);
    }
}
