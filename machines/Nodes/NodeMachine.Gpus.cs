using Coordinator.Machines.Gpus.Policies;

namespace Coordinator.Machines.Nodes;

/// <content>Which of the node's gpus have a grain that is loaded, and what is known of those that have none.</content>
public sealed partial class NodeMachine
{
    private readonly GpuHealthPolicy policy = policy ?? GpuHealthPolicy.Default;

    /// <summary>Gpus whose grains this activation has spoken to.</summary>
    private readonly SortedSet<int> awake = [];

    private readonly SortedDictionary<int, (GpuReading Reading, TimeSpan At)> kept = [];

    /// <summary>
    /// Whether the cluster has said, since this session's hello, which gpus it has on record: until then a gpu at rest may be one of them.
    /// </summary>
    private bool isOnRecord;

    /// <summary>A reading that says nothing of a gpu at rest would load its grain only to be forgotten there.</summary>
    private void OnMeasured(GpuReading reading)
    {
        if (!awake.Contains(reading.Index) && policy.IsPlain(reading))
        {
            kept[reading.Index] = (reading, now);
            return;
        }

        Wake(reading.Index);
        outputs.Send(GrainAddress.Of(new GpuId(id, reading.Index)), new GpuMeasured(hello!.Session, reading));
    }

    /// <summary>
    /// Those on record are spoken to at each of the cluster's answers: a grain may have died that the node has spoken to, and the record
    /// may be behind.
    /// </summary>
    private void OnWatched(IReadOnlyList<int> watched)
    {
        isOnRecord = true;
        foreach (var index in watched)
        {
            if (FindGpu(index) is not { } gpu)
                continue;
            outputs.Send(GrainAddress.Of(new GpuId(id, index)), new GpuAttached(hello!.Session, gpu) { Watched = true });
            if (awake.Add(index))
                TellKept(index);
        }
    }

    /// <summary>
    /// Before something is said to a gpu's grain for the first time, it hears which process its device is in and what is known of it.
    /// </summary>
    private void Wake(int index)
    {
        if (!awake.Add(index))
            return;
        if (FindGpu(index) is { } gpu)
            outputs.Send(GrainAddress.Of(new GpuId(id, index)), new GpuAttached(hello!.Session, gpu));
        TellKept(index);
    }

    private void TellKept(int index)
    {
        if (kept.Remove(index, out var last))
            outputs.Send(GrainAddress.Of(new GpuId(id, index)), new GpuMeasured(hello!.Session, last.Reading));
    }

    private void AttachAwake()
    {
        foreach (var gpu in hello!.Gpus)
        {
            if (awake.Contains(gpu.Index))
                outputs.Send(GrainAddress.Of(new GpuId(id, gpu.Index)), new GpuAttached(hello.Session, gpu));
        }
    }

    private GpuDescription? FindGpu(int index)
    {
        foreach (var gpu in hello?.Gpus ?? [])
        {
            if (gpu.Index == index)
                return gpu;
        }

        return null;
    }

    private GpuView[] DescribeResting(TimeSpan now) => !isOnRecord ? [] :
    [
        .. hello!.Gpus.Where(
            gpu => !awake.Contains(gpu.Index)).Select(gpu => new GpuView(new GpuId(id, gpu.Index), GpuView.Healthy, "", 0, null)
        {
            Description = gpu,
            Reading = kept.TryGetValue(gpu.Index, out var last) ? last.Reading : null,
            ReadingAgeMs = last.Reading is null ? null : (now - last.At).TotalMilliseconds,
        }),
    ];
}
