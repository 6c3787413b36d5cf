namespace Coordinator.Machines;

/// <summary>
/// The hash of the final state: valid as long as nothing writes the state, and asked for once for each step that may be the last.
/// </summary>
internal sealed class StateHash
{
    /// <summary>The step whose state is hashed: a job may be given more steps meanwhile.</summary>
    private long hashedStep = -1;

    /// <summary>The hash; null: it is not known.</summary>
    public string? Value { get; private set; }

    /// <summary>Parameters of the hashed state that are infinite or no number.</summary>
    public long Nonfinite { get; private set; }

    /// <summary>The state of a step is to be hashed. False where that is under way.</summary>
    public bool Begin(long step, bool isHashing)
    {
        if (isHashing && hashedStep == step)
            return false;
        hashedStep = step;
        return true;
    }

    /// <summary>The state was hashed. False where it is of another step by now.</summary>
    public bool End(long step, StateHashed hashed)
    {
        if (step != hashedStep)
            return false;
        (Value, Nonfinite) = (hashed.Sha256, hashed.Nonfinite);
        return true;
    }

    /// <summary>The state is another one.</summary>
    public void Clear() => Value = null;
}
