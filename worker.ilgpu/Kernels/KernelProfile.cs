namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Time by kernel, each waited for.</summary>
internal sealed class KernelProfile
{
    private readonly Dictionary<string, (TimeSpan Time, int Launches)> kernels = [];

    /// <summary>Kernels with their time and the number of launches, the longest first.</summary>
    public IReadOnlyList<(string Kernel, TimeSpan Time, int Launches)> Entries =>
        [.. kernels.Select(entry => (entry.Key, entry.Value.Time, entry.Value.Launches)).OrderByDescending(entry => entry.Time)];

    public void Add(string kernel, TimeSpan time)
    {
        var held = kernels.GetValueOrDefault(kernel);
        kernels[kernel] = (held.Time + time, held.Launches + 1);
    }

    public void Clear() => kernels.Clear();
}
