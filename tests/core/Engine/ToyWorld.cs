using Coordinator.Engine;
using Coordinator.Machines;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Tests.Engine;

/// <summary>An engine core over toys, moved by hand: turns, commits and time happen when a test says so.</summary>
public sealed class ToyWorld : IWorkerLinks
{
    private static readonly DateTimeOffset Wall = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public ToyWorld(Func<EngineOptions, EngineOptions>? configure = null)
    {
        var options = new EngineOptions
        {
            Silo = "silo",
            MachineFactory = (address, state) => address.Kind == GrainKind.Job ? new ToyMachine(address, state, Log.Add) : null,
            OnBrokenInvariant = broken => Broken = broken,
        };
        Core = new EngineCore(configure?.Invoke(options) ?? options, Store, this, NullLogger<EngineCore>.Instance);
    }

    public ToyStore Store { get; } = new();

    public EngineCore Core { get; }

    public TimeSpan Now { get; private set; }

    /// <summary>What toys handled.</summary>
    public List<string> Log { get; } = [];

    /// <summary>What the worker was told.</summary>
    public List<string> Told { get; } = [];

    public BrokenInvariant? Broken { get; private set; }

    public void Send(NodeId node, CoordinatorMessage message) => Told.Add(((StepsRecorded)message).Job.Value);

    /// <summary>Leaves orders and runs all turns, but commits nothing.</summary>
    public void Turn(params (string Toy, string Order)[] orders)
    {
        foreach (var (toy, order) in orders)
            Core.Post(ToyMachine.Toy(toy), ToyMachine.Order(order));
        Core.RunTurns(Now, Wall + Now, int.MaxValue);
    }

    /// <summary>One try to commit what is ready to be committed, and the turns that follow from it.</summary>
    public void Commit()
    {
        if (Core.TakeCommit(Now) is not { } batch)
            return;
        CommitResult result;
        try
        {
            result = Store.Commit(batch);
        }
        catch (IOException exception)
        {
            Core.CommitFailed(Now, exception);
            return;
        }

        Core.CommitEnded(Now, result);
        Turn();
    }

    public void Wait(double milliseconds)
    {
        Now += TimeSpan.FromMilliseconds(milliseconds);
        Turn();
    }
}
