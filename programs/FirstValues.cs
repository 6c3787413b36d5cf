namespace Coordinator.Programs;

/// <summary>What a tensor begins with.</summary>
public enum FirstValues
{
    /// <summary>All zeros.</summary>
    Zeros,

    /// <summary>All ones.</summary>
    Ones,

    /// <summary>Normal numbers of mean 0, which follow from the job's seed, the tensor's number and the element.</summary>
    Normal,
}
