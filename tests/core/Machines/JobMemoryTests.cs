using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Machines;

/// <summary>What a rank needs at the least is known before anybody tries.</summary>
public sealed class JobMemoryTests
{
    [Fact]
    public void A_block_that_no_memory_holds_is_named_and_what_it_needs()
    {
        var problem = Assert.Single(JobSpecValidator.Validate(new JobSpec { Model = new ModelSpec { Block = 1 << 20 } }));
        Assert.Equal(("model.block", "1048576"), (problem.Field, problem.Value));
        Assert.Contains("TiB", problem.Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(int.MaxValue, 1)]
    [InlineData(1 << 24, int.MaxValue)]
    public void Numbers_that_overflow_are_a_great_many_bytes(int block, int microBatch) =>
        Assert.True(JobMemory.LeastBytes(new JobSpec
        {
            Model = new ModelSpec { Block = block, Heads = 128, Layers = 100 },
            Training = new TrainingSpec { MicroBatch = microBatch, BatchSize = int.MaxValue },
        }) > JobMemory.Most);

    [Fact]
    public void What_the_cluster_says_of_a_nodes_memory_is_that_of_its_largest_device()
    {
        var machine = new Coordinator.Machines.Clusters.ClusterMachine(null);
        GpuDescription[] gpus = [new(0, "a", "a", "a") { MemoryBytes = 5 }, new(1, "a", "a", "a") { MemoryBytes = 7 }];
        machine.Handle(TimeSpan.Zero, new NodeReported(new NodeId("n1"), new WorkerSession(1, 1), 1, true, "n1:1", gpus), new Outputs());
        machine.Handle(
            TimeSpan.Zero,
            new NodeReported(new NodeId("n2"), new WorkerSession(1, 1), 1, true, "n2:1", [gpus[0] with { MemoryBytes = 0 }, gpus[1]]),
            new Outputs());
        var view = System.Text.Json.JsonSerializer.Deserialize(machine.Describe(TimeSpan.Zero), MachinesJson.Default.ClusterView)!;
        Assert.Equal([7, 0], view.Nodes.Select(node => node.MemoryBytes));
    }

    [Fact]
    public void The_default_job_needs_little() => Assert.InRange(JobMemory.LeastBytes(new JobSpec()), 1L << 22, 1L << 28);

    [Fact]
    public void A_teams_own_program_needs_what_its_parameters_take_and_a_built_in_one_no_less_than_before()
    {
        Assert.Equal(5 * sizeof(float) * 1000L, JobMemory.LeastBytes(new JobSpec { Model = new ModelSpec { Program = "dotnet" } }, 1000));
        Assert.Equal(JobMemory.LeastBytes(new JobSpec()), JobMemory.LeastBytes(new JobSpec(), 1000));
    }

    [Fact]
    public void A_submitted_job_whose_program_reads_data_names_them()
    {
        Assert.Equal("data.sha256", Assert.Single(JobSpecValidator.ValidateSubmitted(new JobSpec())).Field);
        Assert.Empty(JobSpecValidator.ValidateSubmitted(new JobSpec { Model = new ModelSpec { Program = "linear", Channels = 16 } }));
    }
}
