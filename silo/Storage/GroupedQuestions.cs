namespace Coordinator.Silo.Storage;

/// <summary>
/// Finds out whether keys are stored, many of them by one question. A hundred thousand gpus are activated within seconds, and hardly one of
/// them has a row: a question for each would be most of what their activation costs. What is asked while a question is under way goes into
/// the next one, so an answer is never older than what it answers. Thread-safe.
/// </summary>
/// <param name="find">Which of these keys are stored; throws where storage is away, and then whoever asked is told so.</param>
internal sealed class GroupedQuestions(Func<string[], Task<IReadOnlyCollection<string>>> find)
{
    /// <summary>Keys in one question at most.</summary>
    public const int Most = 512;

    private readonly Lock gate = new();
    private readonly Queue<(string Key, TaskCompletionSource<bool> Answer)> waiting = new();
    private bool asking;

    /// <summary>Whether a key is stored at some moment after the call.</summary>
    public Task<bool> IsStoredAsync(string key)
    {
        var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            waiting.Enqueue((key, answer));
            if (asking)
                return answer.Task;
            asking = true;
        }

        // Without the caller's context: a question is nobody's turn.
        ThreadPool.UnsafeQueueUserWorkItem(questions => _ = questions.AskAsync(), this, preferLocal: false);
        return answer.Task;
    }

    private async Task AskAsync()
    {
        while (Take() is { Length: > 0 } asked)
        {
            try
            {
                var found = (await find([.. asked.Select(one => one.Key).Distinct()]).ConfigureAwait(false))
                    .ToHashSet(StringComparer.Ordinal);
                foreach (var (key, answer) in asked)
                    answer.TrySetResult(found.Contains(key));
            }
            catch (Exception away)
            {
                foreach (var (_, answer) in asked)
                    answer.TrySetException(away);
            }
        }
    }

    private (string Key, TaskCompletionSource<bool> Answer)[] Take()
    {
        lock (gate)
        {
            var taken = new (string, TaskCompletionSource<bool>)[Math.Min(waiting.Count, Most)];
            for (var i = 0; i < taken.Length; i++)
                taken[i] = waiting.Dequeue();
            asking = taken.Length > 0;
            return taken;
        }
    }
}
