using Coordinator.Worker.Data;

namespace Coordinator.Tests.Data;

public sealed class KeyedPermutationTests
{
    [Fact]
    public void Every_number_comes_up_exactly_once_for_every_size()
    {
        for (var count = 1; count <= 700; count++)
        {
            var permutation = new KeyedPermutation(count, key: (ulong)count * 7919);
            var images = Enumerable.Range(0, count).Select(i => permutation.Apply(i)).Order();
            Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), images);
        }
    }

    [Fact]
    public void Every_place_is_about_equally_likely_for_the_first_number()
    {
        // 20,000 keys over 10 places: 2,000 each, standard deviation 42; five of them are allowed.
        var hits = new int[10];
        for (ulong key = 0; key < 20_000; key++)
            hits[new KeyedPermutation(10, BitMixer.Mix(key)).Apply(0)]++;

        Assert.All(hits, hit => Assert.InRange(hit, 1790, 2210));
    }

    [Fact]
    public void The_largest_domain_is_permuted_inside_itself()
    {
        var permutation = new KeyedPermutation(1L << 62, key: 3);
        var images = Enumerable.Range(0, 1000).Select(i => permutation.Apply(i)).ToArray();
        Assert.Equal(1000, images.Distinct().Count());
        Assert.All(images, image => Assert.InRange(image, 0, (1L << 62) - 1));
    }

    [Fact]
    public void The_order_is_pinned_because_a_change_of_it_changes_every_model()
    {
        var permutation = new KeyedPermutation(10, key: 1);
        Assert.Equal(Pinned, Enumerable.Range(0, 10).Select(i => permutation.Apply(i)));
    }

    private static readonly long[] Pinned = [5, 6, 1, 3, 9, 7, 4, 0, 8, 2];
}
