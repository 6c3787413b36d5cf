using System.Text.Json.Nodes;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Swarm;

/// <summary>The swarm against a real silo process, at a size of seconds.</summary>
public sealed class SwarmCommandTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);
    private static readonly string[] Small =
    [
        "swarm", "--nodes", "20", "--gpus-per-node", "2", "--ranks", "20", "--step-seconds", "0.1", "--watch-seconds", "1", "--together",
        "3",
    ];

    [Fact]
    public async Task Twenty_nodes_survive_deaths_and_the_silos_and_every_measure_comes_about()
    {
        using var swarm = new Executable([.. Small, "-o", "json"]);

        var code = await swarm.EndAsync(Limit);

        Assert.True(code == ExitCodes.Success, swarm.Output);
        var document = JsonNode.Parse(swarm.Output[swarm.Output.IndexOf("{\n", StringComparison.Ordinal)..])!;
        Assert.True((bool)document["good"]!);
        var measures = document["items"]!.AsArray().ToDictionary(item => (string)item!["measure"]!, item => item!);
        Assert.Equal(["connected", "beats", "formed", "oneDead", "manyDead", "back", "siloDead", "faults"], measures.Keys);
        Assert.All(measures.Where(pair => pair.Key != "faults"), pair => Assert.NotNull(pair.Value["seconds"]));
        Assert.Contains("all 19 survivors", (string)measures["oneDead"]["detail"]!, StringComparison.Ordinal);
        Assert.Contains("of 20 members", (string)measures["back"]["detail"]!, StringComparison.Ordinal);
        Assert.Contains(
            "all 20 members reached by incarnation 2 (it was 1)", (string)measures["siloDead"]["detail"]!, StringComparison.Ordinal);
        Assert.True((long)measures["siloDead"]["siloPeakBytes"]! > 0);
    }

    [Fact]
    public async Task An_agent_that_skips_a_generation_is_noticed()
    {
        using var swarm = new Executable([.. Small, "--inject", "skip", "--limit-seconds", "15"]);

        Assert.True(await swarm.EndAsync(Limit) == ExitCodes.RunFailed, swarm.Output);
        Assert.Matches(@"one node dies +MISSED +not within 15 s: 18 of 19 hold generation \d+; n000\d\d holds generation 1", swarm.Output);
    }

    [Theory]
    [InlineData("--nodes is 2; choose 3 to 1000000.", "--nodes", "2")]
    [InlineData("--ranks is 41; choose 3 to 40, the gpus that there are.", "--nodes", "20", "--gpus-per-node", "2", "--ranks", "41")]
    [InlineData("--together is 11; choose 1 to 10, half of the nodes.", "--nodes", "20", "--together", "11")]
    [InlineData("--failures-per-hour is -1; choose 0 to 1000000.", "--failures-per-hour", "-1")]
    [InlineData("'nowhere' is no address of a silo; write http://HOST:PORT.", "--silo", "nowhere")]
    public async Task What_cannot_be_is_refused_with_its_value(string message, params string[] arguments)
    {
        using var swarm = new Executable(["swarm", .. arguments]);

        Assert.Equal(ExitCodes.Usage, await swarm.EndAsync(Limit));
        Assert.Contains(message, swarm.Output, StringComparison.Ordinal);
    }
}
