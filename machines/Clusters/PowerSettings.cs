namespace Coordinator.Machines.Clusters;

/// <summary>
/// What the operators of a site say of its power. All watts are whole. Without settings nothing is limited. Draw is reckoned at full load
/// from what is written here, and not measured: a cap must hold when everybody draws what they may.
/// </summary>
public sealed record PowerSettings
{
    /// <summary>Highest number of watts that is taken: a terawatt, above any site.</summary>
    public const long MostWatts = 1_000_000_000_000;

    /// <summary>Highest overhead that is taken.</summary>
    public const double MostOverhead = 10;

    /// <summary>
    /// Draw of one gpu at full load, watts, where <see cref="Classes"/> names no other. The initial value is the board power of an H100
    /// SXM.
    /// </summary>
    public long WattsPerGpu { get; init; } = 700;

    /// <summary>Draw of a host beside its gpus, watts: processors, memory, fans, network cards.</summary>
    public long WattsPerNode { get; init; } = 2000;

    /// <summary>What the site draws for each watt of its gpus and hosts (PUE): 1 to 10.</summary>
    public double Overhead { get; init; } = 1;

    /// <summary>Most that the site may draw, watts; null: no limit.</summary>
    public long? SiteCapWatts { get; init; }

    /// <summary>Most that the site may draw before the utility has approved more, watts; null: no approval is needed.</summary>
    public long? ApprovalLineWatts { get; init; }

    /// <summary>Most by which the draw may rise in a second, watts; null: no limit.</summary>
    public long? RampWattsPerSecond { get; init; }

    /// <summary>Classes of devices that draw something else, the first that matches counts.</summary>
    public IReadOnlyList<ClassPower> Classes { get; init; } = [];

    /// <summary>Draw of a gpu of a class at full load, watts.</summary>
    /// <param name="deviceClass">Its class; empty: not known.</param>
    public long GpuWatts(string deviceClass) => Find(deviceClass)?.WattsPerGpu ?? WattsPerGpu;

    /// <summary>Draw of a host whose gpus are of a class, beside them, watts.</summary>
    /// <param name="deviceClass">Their class; empty: not known.</param>
    public long NodeWatts(string deviceClass) => Find(deviceClass)?.WattsPerNode ?? WattsPerNode;

    /// <summary>What is wrong with them, one sentence that names the value and what is allowed; null: nothing.</summary>
    public string? Problem()
    {
        foreach (var (name, watts) in new (string, long?)[]
        {
            ("wattsPerGpu", WattsPerGpu), ("wattsPerNode", WattsPerNode), ("siteCapWatts", SiteCapWatts),
            ("approvalLineWatts", ApprovalLineWatts),
        })
        {
            if (watts is < 0 or > MostWatts)
                return $"{name} is {watts}; allowed are 0 to {MostWatts} W.";
        }

        if (RampWattsPerSecond is < 1 or > MostWatts)
            return $"rampWattsPerSecond is {RampWattsPerSecond}; allowed are 1 to {MostWatts} W a second.";
        if (!(Overhead >= 1 && Overhead <= MostOverhead))
            return FormattableString.Invariant($"overhead is {Overhead}; allowed is 1 to {MostOverhead}.");
        foreach (var other in Classes)
        {
            if (other is null || string.IsNullOrEmpty(other.DeviceClass) || !DeviceClasses.IsName(other.DeviceClass))
            {
                return $"classes has an entry for the class '{PlainText.Line(other?.DeviceClass ?? "", 60)}'; a class has 1 to "
                    + $"{DeviceClasses.MaxLength} letters, digits, dots, dashes and underscores.";
            }
            if (other.WattsPerGpu is < 0 or > MostWatts || other.WattsPerNode is < 0 or > MostWatts)
            {
                return $"the watts of class {other.DeviceClass} are {other.WattsPerGpu} and {other.WattsPerNode}; allowed are 0 to "
                    + $"{MostWatts} W.";
            }
        }

        return null;
    }

    private ClassPower? Find(string deviceClass) => Classes.FirstOrDefault(other => DeviceClasses.Matches(other.DeviceClass, deviceClass));
}
