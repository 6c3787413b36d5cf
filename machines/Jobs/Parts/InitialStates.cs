namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// What ranks began with, entry by entry: asked of two or a few of them only where they differ, so that whoever is refused is told the
/// first tensor that differs. The job waits for that no longer than for an answer: whoever does not say it is refused all the same.
/// </summary>
internal sealed class InitialStates(JobContext context)
{
    private readonly SortedDictionary<GpuId, IReadOnlyList<string>> said = [];
    private readonly HashSet<GpuId> asked = [];

    /// <summary>Until when answers are waited for; null: nothing was asked.</summary>
    public TimeSpan? Until { get; private set; }

    /// <summary>Whether answers are still waited for.</summary>
    public bool IsPending => context.Now < Until && asked.Any(gpu => !said.ContainsKey(gpu));

    /// <summary>Whether what was asked was answered, or was waited for long enough, and nothing was made of it yet.</summary>
    public bool IsDue => Until is not null && !IsPending;

    /// <summary>Gpus are asked.</summary>
    public void Ask(IEnumerable<GpuId> gpus)
    {
        asked.UnionWith(gpus);
        Until = context.Now + context.State.Spec.FaultTolerance.AnswerTimeout;
    }

    /// <summary>A gpu has said it.</summary>
    public void Note(GpuId gpu, IReadOnlyList<string> entries) => said[gpu] = entries;

    /// <summary>What a gpu has said; none: nothing.</summary>
    public IReadOnlyList<string> Of(GpuId gpu) => said.GetValueOrDefault(gpu) ?? [];

    /// <summary>Another generation stands, or all that was to be said was.</summary>
    public void Clear()
    {
        said.Clear();
        asked.Clear();
        Until = null;
    }
}
