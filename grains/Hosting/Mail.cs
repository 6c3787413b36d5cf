using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// Messages on their way to a grain, in order. Within a silo they go by reference: machines never change what they have sent, so sender and
/// receivers share it, and a membership that goes to thousands of nodes is there once. To another silo they go as the project's own JSON.
/// </summary>
public sealed class Mail
{
    /// <summary>Mail with one message or more.</summary>
    public Mail(params IReadOnlyList<GrainMessage> messages) => Messages = messages;

    /// <summary>Mail as it was read: a message of another version costs itself alone.</summary>
    internal Mail(IReadOnlyList<GrainMessage> messages, string? unreadable) => (Messages, Unreadable) = (messages, unreadable);

    /// <summary>What could be read.</summary>
    public IReadOnlyList<GrainMessage> Messages { get; }

    /// <summary>Why the first message that could not be read could not be; null: all could.</summary>
    public string? Unreadable { get; }

    /// <summary>The one message of an operation that takes a certain kind.</summary>
    /// <exception cref="ArgumentException">It is none of that kind, or cannot be read; the message says what was found and what was expected.</exception>
    internal T Only<T>()
        where T : GrainMessage => (Unreadable, Messages) switch
        {
            (null, [T message]) => message,
            (null, [var other]) => throw new ArgumentException($"expected a {typeof(T).Name} and found a {other.GetType().Name}"),
            (null, _) => throw new ArgumentException($"expected a {typeof(T).Name} and found {Messages.Count} messages"),
            _ => throw new ArgumentException($"expected a {typeof(T).Name}: {Unreadable}"),
        };

    /// <summary>Hands what may be handed to a turn.</summary>
    /// <exception cref="ArgumentException">A message could not be read, or is the host's own to give; the others were handled before. The message says which was the first.</exception>
    internal async Task Handle(Func<IReadOnlyList<GrainMessage>, Task> turn)
    {
        var refused = Unreadable;
        var taken = Messages;
        if (Messages.Any(message => message is Activated or DeadlinePassed))
        {
            refused ??= "a grain is loaded, and its deadline passes, only by its host's word";
            taken = [.. Messages.Where(message => message is not (Activated or DeadlinePassed))];
        }

        await turn(taken);
        if (refused is not null)
            throw new ArgumentException(refused);
    }
}
