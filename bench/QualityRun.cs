using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Measures;
using Coordinator.Runs.Models;
using Coordinator.Runs.Paths;
using Coordinator.Runs.Processes;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Bench;

/// <summary>What one training came to.</summary>
internal sealed record QualitySample(int Workers, int Kills, int Failures, TimeSpan Took, long Lost, double Loss, string Sha256);

/// <summary>Trains on the first nine tenths of a text, killing a worker every so often, and measures the model on the last tenth.</summary>
internal sealed class QualityRun(QualityOptions options, int workers)
{
    private readonly SeededDraw draw = new(options.Seed);
    private DateTimeOffset nextKill = DateTimeOffset.MaxValue;
    private int kills;

    public async Task<QualitySample> RunAsync(byte[] text, RunDirectory directory, CancellationToken cancel)
    {
        var split = (int)(text.Length * 9L / 10);
        var trained = directory.File("train.txt");
        await File.WriteAllBytesAsync(trained, text[..split], cancel);
        var (spec, frozen) = TrainingData.Freeze(options.Job(workers), trained, directory);
        var cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Workers = workers }, directory, cancel);
        await using (cluster)
        {
            using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
            JobRun run = new(client, $"{workers} workers") { Cluster = cluster, OnTick = data => Strike(data, cluster) };
            var result = await run.RunAsync(spec, frozen, cancel);
            var file = directory.File("model.safetensors");
            var sha256 = await run.DownloadAsync(result.Job, OutputPath.Look("--out", file), cancel);
            var lost = StepLedger.Of(result.Data.Steps, spec.Training.Steps).Lost;
            var loss = TrainedModel.Load(file).MeanLoss(text.AsSpan(split));
            return new QualitySample(workers, kills, result.Job.Failures, result.Took, lost, loss, sha256);
        }
    }

    /// <summary>
    /// A worker that takes part, while another one does too: with nobody left the job would begin again, and not be what is measured.
    /// </summary>
    private void Strike(RunData data, LocalCluster cluster)
    {
        if (options.KillEvery == 0 || workers == 1 || data.Job is not { Phase: "running" } job) return;
        if (nextKill == DateTimeOffset.MaxValue) nextKill = DateTimeOffset.Now.AddSeconds(options.KillEvery);
        if (DateTimeOffset.Now < nextKill) return;
        HashSet<string> ready = [.. data.Children.Where(child => child.Phase == ChildPhase.Ready).Select(child => child.Name)];
        HashSet<string> training = [.. job.Members.Where(member => member.State == "training" && ready.Contains(member.Gpu.Node.Value))
            .Select(member => member.Gpu.Node.Value)];
        if (training.Count < 2) return;
        var victim = draw.Order(workers).First(worker => training.Contains(LocalCluster.WorkerName(worker)));
        if (cluster.KillWorker(victim) is null) return;
        kills++;
        nextKill = nextKill.AddSeconds(options.KillEvery);
    }
}
