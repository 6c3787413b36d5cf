using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>What somebody outside wants to know: a grain's view, or (about no grain) whether the engine has settled.</summary>
internal sealed class Question(GrainAddress? about)
{
    /// <summary>The grain asked about.</summary>
    public GrainAddress? About { get; } = about;

    /// <summary>How many messages must have had their turn before the answer; null until the question was taken in.</summary>
    public long? After { get; set; }

    /// <summary>The answer.</summary>
    public TaskCompletionSource<string?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Gives the answer; what fails on the way harms the asker alone.</summary>
    /// <returns>Always true: the question is done with.</returns>
    public bool TryAnswer(Func<string?> find)
    {
        try
        {
            Answer.TrySetResult(find());
        }
        catch (Exception exception)
        {
            Answer.TrySetException(exception);
        }

        return true;
    }
}
