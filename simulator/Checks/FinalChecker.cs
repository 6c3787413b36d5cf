using Coordinator.Machines;

namespace Coordinator.Simulator;

/// <summary>How the job ends, and what it says of itself on the way.</summary>
internal sealed class FinalChecker(Checkers checkers, ToyModel model, long steps)
{
    /// <summary>Whether the job's submission is durable.</summary>
    public bool Submitted { get; private set; }

    /// <summary>Whether the job has ended with a model.</summary>
    public bool Finished { get; private set; }

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
        switch (observed.Kind)
        {
            case EventKinds.JobSubmitted:
                Submitted = true;
                break;
            case EventKinds.JobFinished:
                Finished = true;
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

    public void OnModel(string sha256) => Check(sha256, "the final model in the store");

    public void OnStateHash(GpuId gpu, string sha256) => Check(sha256, $"the final state of {gpu}");

    private void Check(string sha256, string what)
    {
        if (sha256 != ToyModel.Sha256(model.State(steps)))
            checkers.Fail(Invariants.FinalModel, $"{what} is not that of an undisturbed run");
    }
}
