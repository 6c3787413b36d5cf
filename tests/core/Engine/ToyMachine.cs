using System.Globalization;
using Coordinator.Machines;

namespace Coordinator.Tests.Engine;

/// <summary>
/// A machine that does what it is told by <see cref="CancelJob"/>'s reason: <c>count</c> persists a counter and tells it to
/// the worker, <c>say x</c> tells the worker only, <c>pass key x</c> sends x to another toy, <c>event x</c> observes,
/// <c>wake n</c> sets a deadline n milliseconds ahead, <c>break</c> throws. Its state is <c>incarnation:counter</c>.
/// </summary>
public sealed class ToyMachine : IMachine
{
    public static readonly NodeId Worker = new("worker");

    private readonly Action<string> log;
    private long incarnation;
    private long sequence;
    private int counter;

    public ToyMachine(GrainAddress address, string? state, Action<string> log)
    {
        Address = address;
        this.log = log;
        if (state is null)
            return;
        incarnation = long.Parse(state.Split(':')[0], CultureInfo.InvariantCulture);
        counter = int.Parse(state.Split(':')[1], CultureInfo.InvariantCulture);
    }

    public GrainAddress Address { get; }

    public TimeSpan? NextDeadline { get; private set; }

    public static GrainAddress Toy(string key) => GrainAddress.Of(new JobId(key));

    public static GrainMessage Order(string text) => new CancelJob(text);

    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        switch (message)
        {
            case Activated:
                incarnation++;
                log($"{Address.Key} activated {incarnation}:{counter}");
                break;
            case DeadlinePassed:
                NextDeadline = null;
                log($"{Address.Key} deadline {now.TotalMilliseconds:0}");
                break;
            case CancelJob order:
                log($"{Address.Key} {order.Reason}");
                Obey(now, order.Reason.Split(' '), outputs);
                break;
        }
    }

    public string Describe(TimeSpan now) => $"{{\"id\":\"{Address.Key}\",\"counter\":{counter}}}";

    private void Obey(TimeSpan now, string[] words, Outputs outputs)
    {
        switch (words[0])
        {
            case "count":
                counter++;
                outputs.Add(new PersistState($"{incarnation}:{counter}", incarnation, ++sequence));
                Tell(outputs, $"{Address.Key} is {counter}");
                break;
            case "say":
                Tell(outputs, words[1]);
                break;
            case "pass":
                outputs.Send(Toy(words[1]), Order(string.Join(' ', words[2..])));
                break;
            case "event":
                outputs.Observe(new CoordinatorEvent { Kind = words[1], Job = new JobId(Address.Key) });
                Tell(outputs, words[1]);
                break;
            case "wake":
                NextDeadline = now + TimeSpan.FromMilliseconds(int.Parse(words[1], CultureInfo.InvariantCulture));
                break;
            case "break":
                throw new InvalidOperationException("told to");
        }
    }

    private static void Tell(Outputs outputs, string text) => outputs.Send(Worker, new StepsRecorded(new JobId(text), 1, 0));
}
