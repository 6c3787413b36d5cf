using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Checks;

/// <summary>All checkers of a run. They look at everything and change nothing; the first that fails ends the run.</summary>
internal sealed class Checkers
{
    private readonly SimulationOptions options;

    public Checkers(SimulationOptions options, Scenario scenario, ToyModel model)
    {
        this.options = options;
        Steps = new StepChecker(this);
        Orders = new OrderChecker(this, model.Shards, scenario.SubmittedSteps);
        Storage = new StorageChecker(this, model);
        Final = new FinalChecker(this, model);
        Drains = new DrainChecker(this);
    }

    public StepChecker Steps { get; }
    public OrderChecker Orders { get; }
    public StorageChecker Storage { get; }
    public FinalChecker Final { get; }
    public DrainChecker Drains { get; }

    /// <summary>Whether nothing fails in this world.</summary>
    public bool IsUndisturbed => !options.Faults;

    /// <summary>The account of the job's time; null: the world has none.</summary>
    public LedgerChecker? Ledger { get; set; }

    /// <summary>Ends the run, unless this invariant is not being checked.</summary>
    /// <exception cref="InvariantViolationException">The invariant is being checked.</exception>
    public void Fail(string invariant, string message)
    {
        if (!options.WithoutChecks.Contains(invariant))
            throw new InvariantViolationException(invariant, message);
    }
}
