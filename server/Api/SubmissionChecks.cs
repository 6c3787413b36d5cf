using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Files;
using Coordinator.Server.Hosting;

namespace Coordinator.Server.Api;

/// <summary>
/// What can be known of a job before anything of it runs, beyond its spec alone: whether its data are here, and whether any gpu of its
/// class that the cluster knows has the memory. What is refused here would fail on every device, one after the other.
/// </summary>
internal sealed class SubmissionChecks(Views views, SiloServerOptions options)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    private readonly string data = Path.Combine(options.DataDirectory, "data");

    /// <summary>What is wrong; none: nothing that can be known now.</summary>
    public async Task<IReadOnlyList<JobProblem>> ProblemsAsync(JobSpec spec, CancellationToken cancel)
    {
        var problems = new List<JobProblem>();
        for (var began = options.TimeProvider.GetTimestamp(); ; await Task.Delay(LookAgain, options.TimeProvider, cancel)
            .ConfigureAwait(false))
        {
            problems.Clear();
            if (FileProblem(spec.Data.Sha256, spec.Data.Bytes, "data.sha256", "data.bytes", "--data") is { } missing)
                problems.Add(missing);
            if (spec.Initial is { } initial && FileProblem(
                initial.Sha256,
                initial.Bytes,
                "checkpoint.initial_load_sha256",
                "checkpoint.initial_load_bytes",
                "--init") is { } weightless)
            {
                problems.Add(weightless);
            }
            if (spec.Program is { } program
                && FileProblem(program.Sha256, program.Bytes, "program.sha256", "program.bytes", "--program") is { } unknown)
            {
                problems.Add(unknown);
            }
            if (problems.Count == 0 || options.HoldsAllData || options.TimeProvider.GetElapsedTime(began) >= options.SubmitTimeout)
                break;
        }

        if (await MemoryProblemAsync(spec).ConfigureAwait(false) is { } tooLarge)
            problems.Add(tooLarge);
        return problems;
    }

    /// <summary>A file that a job names by its hash: its data, and the weights that it starts from.</summary>
    private JobProblem? FileProblem(string sha256, long bytes, string hashKey, string bytesKey, string option)
    {
        if (sha256.Length == 0 || !FileStore.IsHash(sha256))
            return null;
        var file = new FileInfo(Path.Combine(data, FilesApi.DataName(sha256)));
        if (!file.Exists)
        {
            return new JobProblem(
                $"{hashKey} names data that "
                    + $"{(options.HoldsAllData ? "this silo does not have" : "are not in the folder that the silos share")} ({sha256})",
                hashKey,
                $"Upload the data first: PUT /api/v1/data/{sha256}, or 'coordinator train "
                    + $"{option}'{(options.HoldsAllData ? "" : "; all silos of a cluster need one folder as --data-dir")}.");
        }

        return file.Length == bytes
            ? null
            : new JobProblem(
                $"{bytesKey} is {bytes} but the data set {sha256} has {file.Length}", bytesKey, $"Set {bytesKey} to {file.Length}.");
    }

    private async Task<JobProblem?> MemoryProblemAsync(JobSpec spec)
    {
        var needed = JobMemory.LeastBytes(spec);
        var nodes = (await views.ClusterAsync().ConfigureAwait(false))?.Nodes.Where(
            node => node.Up && node.Gpus > 0 && DeviceClasses.Matches(spec.DeviceClass, node.DeviceClass)).ToArray() ?? [];
        if (nodes.Length == 0 || nodes.Any(node => node.MemoryBytes == 0 || node.MemoryBytes >= needed))
            return null;
        return new JobProblem(
            $"a rank of this job needs at least {JobMemory.Text(needed)} of memory, and the largest "
                + $"device{(spec.DeviceClass.Length > 0 ? $" of class {spec.DeviceClass}" : "")} that is connected has "
                + $"{JobMemory.Text(nodes.Max(node => node.MemoryBytes))}",
            "model.block",
            "Lower model.block, training.micro_batch, model.layers or model.channels, or start workers whose devices have more memory "
                + "first.");
    }
}
