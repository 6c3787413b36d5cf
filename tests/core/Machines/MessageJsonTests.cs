using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public class MessageJsonTests
{
    [Fact]
    public void An_answer_with_held_subtrees_travels_and_says_their_two_numbers_only()
    {
        WorkerMessage answer = new RankState
        {
            Job = new JobId("job"),
            Generation = 2,
            Gpu = new GpuId(new NodeId("worker-1"), 0),
            Boot = 7,
            HasState = true,
            Timeline = 0,
            Applied = 18,
            Reduced = [new TagRun(0, 3, 18)],
            Held = [new Subtree(4, 2)],
            Assigned = [new ShardSpan(4, 2)],
        };

        var json = JsonSerializer.Serialize(answer, MachinesJson.Default.WorkerMessage);
        var back = Assert.IsType<RankState>(JsonSerializer.Deserialize(json, MachinesJson.Default.WorkerMessage));

        Assert.Contains("\"held\":[{\"start\":4,\"size\":2}]", json, StringComparison.Ordinal);
        Assert.Equal([new Subtree(4, 2)], back.Held);
    }
}
