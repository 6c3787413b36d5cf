using Coordinator.Machines.Gangs;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>What a gang's spec may not say.</summary>
public sealed class GangSpecValidatorTests
{
    private static readonly GangSpec Good = new() { Command = ["python3", "train.py"], MinNodes = 1, MaxNodes = 2 };

    public static TheoryData<string, GangSpec> Wrong => new()
    {
        { "command", Good with { Command = [] } },
        { "command", Good with { Command = [""] } },
        { "command", Good with { Command = ["a\0b"] } },
        { "command", Good with { Command = [new string('x', 200_000)] } },
        { "environment", Good with { Environment = new Dictionary<string, string> { ["1A"] = "" } } },
        { "environment", Good with { Environment = new Dictionary<string, string> { ["COORDINATOR_TOKEN"] = "x" } } },
        { "minNodes", Good with { MinNodes = 0 } },
        { "maxNodes", Good with { MinNodes = 3 } },
        { "gpusPerNode", Good with { GpusPerNode = 0 } },
        { "restarts", Good with { Restarts = -1 } },
        { "lease", Good with { Lease = TimeSpan.FromMilliseconds(10) } },
        { "grace", Good with { Grace = TimeSpan.FromSeconds(-1) } },
        { "hangTimeout", Good with { HangTimeout = TimeSpan.Zero } },
        { "workFolder", Good with { WorkFolder = "relative" } },
        { "workFolder", Good with { WorkFolder = "/x", Bundle = new GangBundle(new string('a', 64), 1) } },
        { "bundle.sha256", Good with { Bundle = new GangBundle("../../etc", 1) } },
    };

    [Fact]
    public void A_sound_spec_has_no_problem() => Assert.Empty(GangSpecValidator.Validate(Good));

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_is_named(string field, GangSpec spec) =>
        Assert.Contains(field, GangSpecValidator.Validate(spec).Select(problem => problem.Field));
}
