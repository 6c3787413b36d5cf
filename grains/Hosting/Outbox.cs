using System.Collections.Concurrent;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// Messages on their way out of a silo. Those to one target keep their order: one call at a time is under way to it. Over all targets
/// a bounded window of calls is under way, since a fan-out to thousands of grains all at once takes twice as long as one in a window.
/// A call that fails is a lost message, which its sender's machine repeats. Thread-safe.
/// </summary>
/// <typeparam name="TTarget">What is sent to.</typeparam>
/// <typeparam name="TMessage">What is sent.</typeparam>
/// <param name="deliver">One call: all messages that wait for the target, in order; at most <see cref="Batch"/>.</param>
/// <param name="lost">Hears of messages that did not arrive: how many, and why.</param>
/// <param name="window">Calls under way at most.</param>
/// <param name="limit">Messages that wait for one target at most; further ones are lost.</param>
public sealed class Outbox<TTarget, TMessage>(
    Func<TTarget, TMessage[], Task> deliver, Action<TTarget, int, Exception> lost, int window, int limit) : IDisposable
    where TTarget : notnull
{
    /// <summary>Messages in one call at most.</summary>
    public const int Batch = 64;

    private readonly ConcurrentDictionary<TTarget, Lane> queues = new();
    private readonly SemaphoreSlim free = new(window);
    private int underWay;

    private sealed class Lane(Outbox<TTarget, TMessage> outbox, TTarget to) : IThreadPoolWorkItem
    {
        public Queue<TMessage> Waiting { get; } = new();

        public bool Closed { get; set; }

        public void Execute() => _ = outbox.Pump(to, this);
    }

    /// <summary>Targets to which something waits or is under way.</summary>
    public ICollection<TTarget> Targets => queues.Keys;

    /// <summary>Calls under way.</summary>
    public int UnderWay => Volatile.Read(ref underWay);

    /// <summary>Queues a message and returns at once.</summary>
    public void Send(TTarget to, TMessage message)
    {
        while (true)
        {
            Lane? fresh = null;
            if (!queues.TryGetValue(to, out var queue))
                queue = queues.GetOrAdd(to, fresh = new Lane(this, to));
            lock (queue)
            {
                if (queue.Closed)
                    continue;
                if (queue.Waiting.Count >= limit)
                    lost(to, 1, new InvalidOperationException($"{limit} messages wait for it already"));
                else
                    queue.Waiting.Enqueue(message);
            }

            // Without the caller's context: a call is nobody's turn.
            if (queue == fresh)
                ThreadPool.UnsafeQueueUserWorkItem(queue, preferLocal: false);
            return;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => free.Dispose();

    private async Task Pump(TTarget to, Lane queue)
    {
        while (Take(to, queue) is { } batch)
        {
            await free.WaitAsync().ConfigureAwait(false);
            Interlocked.Increment(ref underWay);
            try
            {
                await deliver(to, batch).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                lost(to, batch.Length, e);
            }
            finally
            {
                Interlocked.Decrement(ref underWay);
                free.Release();
            }
        }
    }

    private TMessage[]? Take(TTarget to, Lane queue)
    {
        lock (queue)
        {
            if (queue.Waiting.Count == 0)
            {
                queue.Closed = true;
                queues.TryRemove(KeyValuePair.Create(to, queue));
                return null;
            }

            var batch = new TMessage[Math.Min(queue.Waiting.Count, Batch)];
            for (var i = 0; i < batch.Length; i++)
                batch[i] = queue.Waiting.Dequeue();
            return batch;
        }
    }
}
