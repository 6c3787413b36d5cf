namespace Coordinator.Machines.Clusters;

/// <summary>
/// What draws power at a place, counted by class of devices, so that what it draws under other settings is known without looking at every
/// gpu.
/// </summary>
internal sealed class LoadMeter
{
    private readonly SortedDictionary<string, int> gpus = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> hosts = new(StringComparer.Ordinal);

    /// <summary>Gpus counted.</summary>
    public int Gpus => gpus.Values.Sum();

    /// <summary>Hosts counted.</summary>
    public int Hosts => hosts.Values.Sum();

    /// <summary>Counts gpus of a class that began (or, where negative, ceased) to draw.</summary>
    public void AddGpus(string deviceClass, int count) => gpus[deviceClass] = gpus.GetValueOrDefault(deviceClass) + count;

    /// <summary>Counts hosts with gpus of a class that began (or, where negative, ceased) to draw.</summary>
    public void AddHosts(string deviceClass, int count) => hosts[deviceClass] = hosts.GetValueOrDefault(deviceClass) + count;

    /// <summary>Draw at full load, watts, without the site's overhead.</summary>
    public long Watts(PowerSettings settings) =>
        gpus.Sum(pair => pair.Value * settings.GpuWatts(pair.Key)) + hosts.Sum(pair => pair.Value * settings.NodeWatts(pair.Key));
}
