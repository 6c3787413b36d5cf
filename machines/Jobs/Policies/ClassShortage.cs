namespace Coordinator.Machines.Jobs.Policies;

/// <summary>
/// Says why a job has fewer ranks than it wants where the class of devices is the reason. A pure function; other reasons are others' to
/// tell.
/// </summary>
public static class ClassShortage
{
    /// <summary>One line for people; null where no gpu stands aside for its class.</summary>
    /// <param name="missing">Ranks that the job has not got.</param>
    /// <param name="wanted">Ranks that it wants.</param>
    /// <param name="jobClass">Class that its ranks have; null before the first.</param>
    /// <param name="named">What the job's spec names; empty: nothing.</param>
    /// <param name="supply">What the cluster sees.</param>
    public static string? Explain(int missing, int wanted, string? jobClass, string named, GpuSupply supply)
    {
        if (missing <= 0)
            return null;
        var nobody = supply.OfClass == 0 && (jobClass ?? named).Length > 0;
        if (!nobody && supply.Others.Count == 0)
            return null;
        var head = $"{missing} of {wanted} ranks {(missing == 1 ? "is" : "are")} missing: ";
        var why = jobClass is { Length: > 0 }
            ? "the job computes on class "
                + $"{jobClass}{(nobody ? ", which no gpu of the cluster has now" : ", and no more gpus of it are free")}"
            : named.Length == 0 ? "gpus of different classes are never mixed in a job"
            : nobody ? $"no gpu of the cluster is of class {named} "
                + "(job.device_class)" : $"no more gpus of class {named} (job.device_class) are free";
        return head + why + (supply.Others.Count == 0
            ? ""
            : "; free: " + string.Join(" and ", supply.Others.Select(other => $"{other.Count} of class {other.DeviceClass}")));
    }
}
