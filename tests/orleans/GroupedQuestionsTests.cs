using System.Collections.Concurrent;
using Coordinator.Silo.Storage;

namespace Coordinator.Tests.Orleans;

public sealed class GroupedQuestionsTests
{
    [Fact]
    public async Task What_is_asked_while_a_question_is_under_way_goes_into_the_next_one()
    {
        var asked = new ConcurrentQueue<string[]>();
        var (arrived, answered) = (new TaskCompletionSource(), new TaskCompletionSource());
        var questions = new GroupedQuestions(async keys =>
        {
            asked.Enqueue(keys);
            arrived.TrySetResult();
            await answered.Task;
            return [.. keys.Where(key => key.EndsWith("/7", StringComparison.Ordinal))];
        });

        var first = questions.IsStoredAsync("n0/7");
        await arrived.Task;
        var others = Enumerable.Range(0, 1000).Select(gpu => questions.IsStoredAsync($"n{gpu / 8}/{gpu % 8}")).ToArray();
        answered.SetResult();

        Assert.True(await first);
        Assert.Equal(Enumerable.Range(0, 1000).Select(gpu => gpu % 8 == 7), await Task.WhenAll(others));
        Assert.Equal([1, GroupedQuestions.Most, 1000 - GroupedQuestions.Most], asked.Select(keys => keys.Length));
    }

    [Fact]
    public async Task Who_asks_while_storage_is_away_is_told_so_and_the_next_one_is_answered()
    {
        var away = true;
        var questions = new GroupedQuestions(
            keys => away ? throw new TimeoutException("storage is away") : Task.FromResult<IReadOnlyCollection<string>>(keys));
        await Assert.ThrowsAsync<TimeoutException>(() => questions.IsStoredAsync("n0/0"));
        away = false;
        Assert.True(await questions.IsStoredAsync("n0/0"));
    }
}
