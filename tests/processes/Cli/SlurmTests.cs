using Coordinator.Runs.Processes;
using Coordinator.Tests.Processes.Programs;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// The batch script for Slurm on a stand-in for Slurm: its <c>srun</c> starts the tasks of two nodes on this machine, each with its
/// variables and a name of its own.
/// </summary>
public sealed class SlurmTests
{
    private const string Srun =
        """
        #!/bin/bash
        # srun: the command once for each node, in a session of its own; a signal goes on to all of them, as Slurm's does.
        while [[ $1 == --* ]]; do shift; done
        tasks=()
        for node in $(seq 0 $((SLURM_NNODES - 1))); do
          TMPDIR=$FAKE/tmp-$node SLURM_PROCID=$node SLURM_NODEID=$node SLURM_LOCALID=0 setsid "$@" >> "$FAKE/worker-$node.log" 2>&1 &
          tasks+=($!)
        done
        trap 'for task in "${tasks[@]}"; do kill -TERM -- -$task; done' TERM
        while wait; [ $? -gt 128 ]; do :; done
        """;

    /// <summary>Rank 0 says when both can be asked to end.</summary>
    private const string Program =
        """
        trap 'echo saved > saved-$RANK; exit 0' TERM
        echo $WORLD_SIZE $GROUP_RANK > began-$RANK
        until [ -s began-0 ] && [ -s began-1 ]; do sleep 0.1; done
        echo both have begun
        while :; do sleep 0.1; done
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task A_command_runs_on_the_nodes_of_an_allocation_and_is_queued_again_after_it_was_asked_to_end()
    {
        using var folder = new TemporaryFolder();
        var own = OwnExecutable.Command([]);
        Write("coordinator", $"exec '{string.Join("' '", own.ArgumentList.Prepend(own.FileName))}' \"$@\"");
        Write("hostname", "[ -n \"$SLURM_PROCID\" ] && echo \"node-$SLURM_PROCID\" || echo localhost");
        Write("getent", "echo '127.0.0.1 STREAM node'");
        Write("scontrol", "echo \"$@\" >> \"$FAKE/queued\"");
        Write("srun", Srun);
        foreach (var node in (int[])[0, 1])
            Directory.CreateDirectory(folder.File($"fakes/tmp-{node}"));
        string[] batch =
        [
            "env",
            $"PATH={folder.File("fakes")}:{Environment.GetEnvironmentVariable("PATH")}",
            $"FAKE={folder.File("fakes")}",
            "SLURM_JOB_ID=42",
            "SLURM_NNODES=2",
            "SLURM_JOB_NUM_NODES=2",
            $"SLURM_SUBMIT_DIR={folder.Path}",
            $"COORDINATOR_PORT={FreePorts.Next()}",
            "bash",
            Path.Combine(PythonPrograms.Repository, "deploy/slurm/run.sbatch"),
            "sh",
            "-c",
            Program,
        ];
        using var script = new Executable(batch, []);
        await script.LineAsync(line => line == "both have begun", "both ranks", Limit);

        script.Signal("TERM");

        Assert.True(await script.EndAsync(Limit) == 75, script.Output);
        Assert.Equal(["2 0", "2 1"], new[] { 0, 1 }.Select(rank => File.ReadAllText(folder.File($"began-{rank}")).Trim()));
        Assert.All((int[])[0, 1], rank => Assert.True(File.Exists(folder.File($"saved-{rank}"))));
        Assert.Equal("requeue 42", File.ReadAllText(folder.File("fakes/queued")).Trim());

        void Write(string name, string text)
        {
            var path = folder.Write($"fakes/{name}", text.StartsWith("#!", StringComparison.Ordinal) ? text : $"#!/bin/sh\n{text}\n");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
