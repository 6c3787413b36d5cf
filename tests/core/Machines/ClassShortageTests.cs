using Coordinator.Machines;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

/// <summary>What people are told where the class of devices is why ranks are missing.</summary>
public sealed class ClassShortageTests
{
    [Theory]
    [InlineData(0, null, "", 0, "a", null)]
    [InlineData(1, null, "", 0, "", null)]
    [InlineData(1, "a", "", 2, "", null)]
    [InlineData(1, null, "", 0, "a", "gpus of different classes are never mixed in a job; free: 2 of class a")]
    [InlineData(2, null, "h", 0, "", "no gpu of the cluster is of class h (job.device_class)")]
    [InlineData(2, null, "h", 3, "a", "no more gpus of class h (job.device_class) are free; free: 2 of class a")]
    [InlineData(2, "b", "", 0, "", "the job computes on class b, which no gpu of the cluster has now")]
    [InlineData(2, "b", "", 3, "a", "the job computes on class b, and no more gpus of it are free; free: 2 of class a")]
    public void The_class_is_named_with_what_else_is_free(int missing, string? ofJob, string named, int there, string other, string? text)
    {
        var supply = new GpuSupply(there, other.Length == 0 ? [] : [new FreeGpus(other, 2)]);
        var said = ClassShortage.Explain(missing, 4, ofJob, named, supply);
        Assert.Equal(text is null ? null : $"{(missing == 1 ? "1 of 4 ranks is" : "2 of 4 ranks are")} missing: {text}", said);
    }
}
