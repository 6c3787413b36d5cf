using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;

namespace Coordinator.Tests.Data;

public sealed class WindowSamplerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<FrozenData> open = [];

    public void Dispose()
    {
        open.ForEach(data => data.Dispose());
        folder.Dispose();
    }

    [Theory]
    [InlineData(5, 4)]
    [InlineData(8, 4)]
    [InlineData(9, 4)]
    [InlineData(1001, 7)]
    [InlineData(997, 1)]
    [InlineData(640, 64)]
    [InlineData(641, 64)]
    public void Every_window_comes_up_exactly_once_in_every_epoch(int tokens, int block)
    {
        var sampler = Sampler(tokens, block, seed: 3);
        Assert.Equal((tokens - 1) / block, sampler.Windows);
        for (var epoch = 0; epoch < 5; epoch++)
        {
            var located = Range(epoch * sampler.Windows, sampler.Windows).Select(sampler.Locate).ToArray();
            Assert.All(located, place => Assert.Equal(epoch, place.Epoch));
            Assert.Equal(Range(0, sampler.Windows), located.Select(place => place.Window).Order());
        }
    }

    [Fact]
    public void No_target_is_used_twice_in_an_epoch_and_every_sample_is_a_run_of_the_ring()
    {
        const int Tokens = 1003;
        const int Block = 10;
        var sampler = Sampler(Tokens, Block, seed: 5);
        for (var epoch = 0; epoch < 20; epoch++)
        {
            var targets = new HashSet<int>();
            foreach (var position in Range(epoch * sampler.Windows, sampler.Windows))
            {
                // Tokens are numbered, so that a sample tells where it was read.
                var sample = Sample(sampler, position, Block);
                Assert.Equal(Enumerable.Range(sample[0], Block + 1).Select(i => i % Tokens), sample);
                Assert.All(sample[1..], target => Assert.True(targets.Add(target)));
            }

            Assert.Equal(1000, targets.Count);
        }
    }

    [Fact]
    public void Over_some_epochs_every_token_is_a_target_and_windows_shift()
    {
        var sampler = Sampler(1003, 10, seed: 5);
        var targets = new HashSet<int>();
        for (long position = 0; position < 20 * sampler.Windows; position++)
            targets.UnionWith(Sample(sampler, position, 10)[1..]);

        Assert.Equal(1003, targets.Count);
        Assert.Equal(20, Range(0, 20).Select(sampler.OffsetOf).Distinct().Count());
    }

    [Fact]
    public void A_batch_that_straddles_epochs_ends_one_and_begins_the_next()
    {
        var sampler = Sampler(41, 4, seed: 1);
        var batch = Range(8, 4).Select(sampler.Locate).ToArray();
        Assert.Equal([0, 0, 1, 1], batch.Select(place => place.Epoch));
        var secondEpoch = Range(10, 10).Select(sampler.Locate).Select(place => place.Window);
        Assert.Equal(Range(0, 10), secondEpoch.Order());
    }

    [Fact]
    public void Seeds_and_epochs_differ_in_their_order_and_equal_seeds_do_not()
    {
        var one = Sampler(1001, 10, seed: 1);
        var same = Sampler(1001, 10, seed: 1);
        var two = Sampler(1001, 10, seed: 2);
        var order = Range(0, 100).Select(one.Locate).Select(place => place.Window).ToArray();

        Assert.Equal(order, Range(0, 100).Select(same.Locate).Select(place => place.Window));
        Assert.NotEqual(order, Range(0, 100).Select(two.Locate).Select(place => place.Window));
        Assert.NotEqual(order, Range(100, 100).Select(one.Locate).Select(place => place.Window));
        Assert.NotEqual(one.OffsetOf(0), two.OffsetOf(0));
    }

    [Fact]
    public void Data_of_a_single_window_is_read_again_and_again()
    {
        var sampler = Sampler(5, 4, seed: 1);
        for (var position = 0; position < 10; position++)
        {
            var sample = Sample(sampler, position, 4);
            Assert.Equal(Range(0, 5).Select(i => (int)((sample[0] + i) % 5)), sample);
        }
    }

    [Fact]
    public void Positions_far_out_are_as_good_as_near_ones()
    {
        var sampler = Sampler(1001, 10, seed: 1);
        Assert.Equal((long.MaxValue / 100, long.MaxValue % 100), (sampler.Locate(long.MaxValue).Epoch, long.MaxValue % sampler.Windows));
        Assert.Equal(11, Sample(sampler, long.MaxValue, 10).Length);
    }

    [Fact]
    public void Many_threads_read_the_same_samples_as_one()
    {
        var sampler = Sampler(1003, 10, seed: 9);
        var alone = Range(0, 500).Select(position => Sample(sampler, position, 10)).ToArray();
        var together = new int[500][];
        Parallel.For(0, 500, position => together[position] = Sample(sampler, position, 10));
        Assert.Equal(alone, together);
    }

    [Fact]
    public void A_span_of_another_length_than_a_sample_is_a_mistake_of_the_caller()
    {
        var sampler = Sampler(1003, 10, seed: 9);
        Assert.Throws<ArgumentException>(() => sampler.ReadSample(0, new int[10]));
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.ReadSample(-1, new int[11]));
    }

    [Fact]
    public void Data_without_a_window_is_refused()
    {
        var error = Assert.Throws<DataException>(() => new WindowSampler(Numbered(10), block: 10, seed: 1));
        Assert.Equal(DataProblem.TooShort, error.Problem);
    }

    [Fact]
    public void The_order_is_pinned_because_a_change_of_it_changes_every_model()
    {
        var sampler = Sampler(1001, 10, seed: 1);
        Assert.Equal(PinnedStarts, Range(97, 6).Select(position => Sample(sampler, position, 10)[0]));
    }

    private static readonly int[] PinnedStarts = [895, 54, 244, 553, 763, 42];

    private static IEnumerable<long> Range(long first, long count) => Enumerable.Range(0, (int)count).Select(i => first + i);

    private static int[] Sample(WindowSampler sampler, long position, int block)
    {
        var tokens = new int[block + 1];
        sampler.ReadSample(position, tokens);
        return tokens;
    }

    private WindowSampler Sampler(int tokens, int block, ulong seed) => new(Numbered(tokens), block, seed);

    private FrozenData Numbered(int tokens)
    {
        var path = folder.Write("numbered.bin", Shards.NanoGpt([.. Enumerable.Range(0, tokens).Select(i => (ushort)i)]));
        var spec = new DataFreezer(folder.Path).Freeze(path, new ModelSpec { Block = 1, Vocab = 65536 });
        var data = FrozenData.Open(DataStore.PathOf(folder.Path, spec.Sha256), spec);
        open.Add(data);
        return data;
    }
}
