using Coordinator.Machines;
using Coordinator.Simulator.Workers;

namespace Coordinator.Simulator.Checks;

/// <summary>How the job ends, and what it says of itself on the way.</summary>
internal sealed class FinalChecker(Checkers checkers, ToyModel model)
{
    /// <summary>Whether the job's submission is durable.</summary>
    public bool Submitted { get; private set; }

    /// <summary>Whether the job has ended with a model.</summary>
    public bool Finished { get; private set; }

    /// <summary>Whether the job was given more steps, durably.</summary>
    public bool Extended { get; private set; }

    /// <summary>Whether it had finished by then: its ranks were let go with the final state.</summary>
    public bool Reopened { get; private set; }

    /// <summary>The step at which it has ended with a model.</summary>
    public long FinishedAt { get; private set; }

    /// <summary>Checkpoints that somebody could not read.</summary>
    public int Unreadable { get; private set; }

    /// <summary>Why the job ended without a model, if it did.</summary>
    public string? Failed { get; private set; }

    /// <summary>Whether it has ended, the one way or the other.</summary>
    public bool IsOver => Finished || Failed is not null;

    /// <summary>How often the job said that it waits, and the last reason.</summary>
    public int Waits { get; private set; }

    public string? LastWait { get; private set; }

    /// <summary>Checkpoints that the job recorded.</summary>
    public int Saved { get; private set; }

    /// <summary>How often the job went back.</summary>
    public int Restored { get; private set; }

    /// <summary>Whether it waits for workers or for the state.</summary>
    public bool IsWaiting { get; private set; }

    public void OnEvent(CoordinatorEvent observed)
    {
        if (observed.Kind is EventKinds.RankExcluded or EventKinds.CheckpointRestored or EventKinds.StateRegained
            && checkers is { IsUndisturbed: true, Drains.IsWatching: true })
        {
            checkers.Fail(Invariants.DrainLosesNothing, $"nothing fails, and {observed.Kind}: {observed.Text}");
        }

        switch (observed.Kind)
        {
            case EventKinds.JobSubmitted:
                Submitted = true;
                break;
            // A gang has no last step: its program knows its steps, and need not tell them.
            case EventKinds.JobFinished:
                Finished = true;
                FinishedAt = observed.Step ?? 0;
                break;
            case EventKinds.CheckpointUnreadable:
                Unreadable++;
                break;
            case EventKinds.GenerationForming:
                IsWaiting = false;
                break;
            case EventKinds.JobFailed:
                Failed = observed.Text;
                break;
            case EventKinds.JobWaiting:
                IsWaiting = true;
                Waits++;
                LastWait = observed.Text;
                break;
            case EventKinds.CheckpointRestored or EventKinds.StateRegained:
                Restored++;
                checkers.Storage.OnRestored(observed.Timeline!.Value, observed.Step!.Value);
                break;
            case EventKinds.CheckpointSaved:
                Saved++;
                break;
            case EventKinds.Diverged:
                checkers.Fail(Invariants.JobSound, observed.Text);
                break;
        }
    }

    /// <summary>
    /// A state of the job is durable. What it was given counts from then on; the event of it may be there earlier, and without it.
    /// </summary>
    public void OnStored(string stateJson)
    {
        if (Extended || !stateJson.Contains("\"submitted\":{", StringComparison.Ordinal))
            return;
        Extended = true;
        Reopened = Finished && stateJson.Contains("\"before\":{", StringComparison.Ordinal);
        Finished = false;
    }

    public void OnModel(long step, string sha256) => Check(step, sha256, "the final model in the store");

    public void OnStateHash(GpuId gpu, long step, string sha256) => Check(step, sha256, $"the final state of {gpu}");

    private void Check(long step, string sha256, string what)
    {
        if (sha256 != ToyModel.Sha256(model.State(step)))
            checkers.Fail(Invariants.FinalModel, $"{what} is not that of an undisturbed run");
    }
}
