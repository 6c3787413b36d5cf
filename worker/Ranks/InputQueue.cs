namespace Coordinator.Worker.Ranks;

/// <summary>What waits to be handed to a rank's machine, in order of arrival. Any thread adds, one takes.</summary>
internal sealed class InputQueue
{
    private readonly Queue<HostInput> inputs = [];
    private bool closed;

    /// <summary>Adds an input; false where the rank has ended and nothing is taken any more.</summary>
    public bool Add(HostInput input)
    {
        lock (inputs)
        {
            if (closed)
                return false;
            inputs.Enqueue(input);
            return true;
        }
    }

    /// <summary>Takes the next input, if there is one.</summary>
    public bool TryTake(out HostInput input)
    {
        lock (inputs)
            return inputs.TryDequeue(out input);
    }

    /// <summary>Nothing is added any more. What was waiting comes back, for its payloads to be released.</summary>
    public IReadOnlyList<HostInput> Close()
    {
        lock (inputs)
        {
            closed = true;
            var left = inputs.ToArray();
            inputs.Clear();
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
