using Coordinator.Machines;

namespace Coordinator.Worker.Ranks;

/// <summary>What waits to be handed to a rank's machine, in order of arrival. Any thread adds, one takes; taking sleeps, it never spins.</summary>
internal sealed class InputQueue
{
    private readonly Queue<RankInput> inputs = [];
    private bool closed;

    /// <summary>Adds an input; false where the rank has ended and nothing is taken any more.</summary>
    public bool Add(RankInput input)
    {
        lock (inputs)
        {
            if (closed)
                return false;
            inputs.Enqueue(input);
            Monitor.Pulse(inputs);
            return true;
        }
    }

    /// <summary>Takes the next input, or null when <paramref name="until"/> (monotonic) passes or the queue is closed before there is one.</summary>
    public RankInput? Take(TimeSpan? until)
    {
        lock (inputs)
        {
            while (inputs.Count == 0 && !closed)
            {
                if (until is not { } end)
                {
                    Monitor.Wait(inputs);
                    continue;
                }

                var left = end - Monotonic.Now;
                if (left <= TimeSpan.Zero)
                    return null;
                Monitor.Wait(inputs, (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 1, 60_000));
            }

            return closed ? null : inputs.Dequeue();
        }
    }

    /// <summary>Nothing is added any more. What was waiting comes back, for its payloads to be released.</summary>
    public IReadOnlyList<RankInput> Close()
    {
        lock (inputs)
        {
            closed = true;
            var left = inputs.ToArray();
            inputs.Clear();
            Monitor.PulseAll(inputs);
            return left;
        }
    }

    public bool Closed
    {
        get
        {
            lock (inputs)
                return closed;
        }
    }
}
