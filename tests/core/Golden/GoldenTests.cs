using Coordinator.Tests.Compute;
using Coordinator.Tests.Support.Golden;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Golden;

public sealed class GoldenTests
{
    private const string Sweep = "kernels, lengths 0 to 67 at every offset";

    public static TheoryData<string, VectorWidth, int> Runs
    {
        get
        {
            TheoryData<string, VectorWidth, int> runs = [];
            foreach (var run in GoldenRun.All)
            {
                foreach (var width in new[] { VectorWidth.W128, VectorWidth.W256, VectorWidth.W512 }.Where(
                    width => VectorWidths.WhyUnsupported(width) is null))
                {
                    for (var threads = 1; threads <= 8; threads++) runs.Add(run.Name, width, threads);
                }
            }

            return runs;
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public async Task A_run_ends_with_its_recorded_state_at_every_width_and_number_of_threads(string run, VectorWidth width, int threads) =>
        GoldenHashes.AssertIs(run, await GoldenRun.Named(run).Sha256Async(new CpuDeviceOptions { Width = width, Threads = threads }));

    [Fact]
    public async Task The_order_in_which_shards_are_computed_changes_nothing()
    {
        foreach (var run in GoldenRun.All)
            GoldenHashes.AssertIs(run.Name, await run.Sha256Async(new CpuDeviceOptions(), firstShard: 3));
    }

    [Fact]
    public async Task Plain_kernels_are_another_class_and_end_elsewhere() =>
        Assert.NotEqual(
            GoldenHashes.Of("gpt, 6 samples in 4 shards"),
            await GoldenRun.Named("gpt, 6 samples in 4 shards").Sha256Async(new CpuDeviceOptions { Width = VectorWidth.Plain }));

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void Kernels_write_the_recorded_bits_at_every_length_and_offset(VectorWidth width)
    {
        using var kernels = KernelFactory.Create(width);
        GoldenHashes.AssertIs(Sweep, KernelSweep.Sha256(kernels));
    }

    /// <summary>Hashes of files are those of whole runs, which the project of processes holds.</summary>
    [Fact]
    public void Every_recorded_hash_is_held_by_a_test()
    {
        string[] held = [.. GoldenRun.All.Select(run => run.Name), Sweep];
        var recorded = GoldenHashes.Names.Where(
            name => !name.StartsWith("file: ", StringComparison.Ordinal) && !name.StartsWith("process: ", StringComparison.Ordinal));
        Assert.Equal(held.Order(StringComparer.Ordinal), recorded.Order(StringComparer.Ordinal));
    }
}
