using Coordinator.Machines;
using Coordinator.Machines.Gpus.Policies;
using Coordinator.Tests.Architecture;

namespace Coordinator.Tests.Machines;

public sealed class GpuHealthPolicyTests
{
    [Theory]
    [InlineData(13, GpuRemedy.RestartProgram)]
    [InlineData(40, GpuRemedy.RestartProgram)]
    [InlineData(135, GpuRemedy.RestartProgram)]
    [InlineData(14, GpuRemedy.Log)]
    [InlineData(45, GpuRemedy.None)]
    [InlineData(48, GpuRemedy.DrainAndReset)]
    [InlineData(74, GpuRemedy.DrainAndReset)]
    [InlineData(158, GpuRemedy.DrainAndReset)]
    [InlineData(79, GpuRemedy.RebootNode)]
    [InlineData(160, GpuRemedy.RebootNode)]
    [InlineData(999, GpuRemedy.Quarantine)]
    public void The_shipped_policy_answers_xids(int xid, GpuRemedy remedy) => Assert.Equal(remedy, GpuHealthPolicy.Default.OfXid(xid));

    [Theory]
    [InlineData(0, GpuRemedy.None)]
    [InlineData(1, GpuRemedy.DrainAndReset)]
    [InlineData(2, GpuRemedy.RebootNode)]
    [InlineData(3, GpuRemedy.DrainAndReset)]
    [InlineData(4, GpuRemedy.DrainAndReset)]
    [InlineData(5, GpuRemedy.Quarantine)]
    public void What_the_driver_asks_for_is_done_and_what_nobody_knows_takes_the_gpu_out(int action, GpuRemedy remedy)
    {
        Assert.Equal(remedy, GpuHealthPolicy.Default.OfRecoveryAction(action));
        Assert.Equal(remedy >= GpuRemedy.DrainAndReset, new GpuVerdict(remedy, "").TakesOut);
    }

    [Theory]
    [InlineData(GpuHealthPolicyText.Default)]
    [InlineData("recovery-action 0: log\nxid other: none\nuncorrected-ecc: none")]
    public void A_reading_is_plain_exactly_where_nothing_would_be_said_of_a_gpu_that_nobody_knows(string text)
    {
        var policy = GpuHealthPolicy.Parse(text);
        foreach (var action in (int?[])[null, 0, 1, 9])
        {
            foreach (var ecc in (long?[])[null, 0, 3])
            {
                foreach (var xids in (int[][])[[], [45], [45, 14], [79]])
                {
                    var reading = new GpuReading { Index = 0, RecoveryAction = action, UncorrectedEcc = ecc, Xids = xids };
                    Assert.Equal(policy.Judge(reading, knownEcc: null).Count == 0, policy.IsPlain(reading));
                }
            }
        }
    }

    [Fact]
    public void The_severest_verdict_comes_first_and_the_driver_before_an_xid_of_its_weight()
    {
        var verdicts = GpuHealthPolicy.Default.Judge(
            new GpuReading { Index = 0, RecoveryAction = 1, UncorrectedEcc = 2, Xids = [45, 13, 48, 79] }, knownEcc: 1);
        Assert.Equal(
            ["XID 79", "the driver asks for recovery action 1", "XID 48", "2 uncorrected memory errors", "XID 13"],
            verdicts.Select(verdict => verdict.Reason));
        Assert.Empty(GpuHealthPolicy.Default.Judge(new GpuReading { Index = 0, UncorrectedEcc = 2 }, knownEcc: 2));
        Assert.Empty(GpuHealthPolicy.Default.Judge(new GpuReading { Index = 0 }, knownEcc: null));
    }

    [Fact]
    public void Operators_change_a_remedy_by_a_line()
    {
        var policy = GpuHealthPolicy.Parse(
            "xid 13: drain-and-reset # ours is old\nxid other: log\nuncorrected-ecc: log\nincident-seconds: 10");
        Assert.Equal((GpuRemedy.DrainAndReset, GpuRemedy.Log, GpuRemedy.Log), (policy.OfXid(13), policy.OfXid(48), policy.UncorrectedEcc));
        Assert.Equal((TimeSpan.FromSeconds(10), GpuRemedy.Quarantine), (policy.IncidentTime, policy.OfRecoveryAction(0)));
    }

    [Theory]
    [InlineData("xid 13", "line 1: 'xid 13' has no colon; write such as 'xid 46 62 64: drain-and-reset'")]
    [InlineData(
        "\nxid 13: pray", "line 2: 'pray' is no remedy; choose none, log, restart-program, drain-and-reset, reboot-node, quarantine")]
    [InlineData("xid thirteen: log", "line 1: 'thirteen' is neither a number nor a range such as 39-41")]
    [InlineData("xid 13-11: log", "line 1: '13-11' is neither a number nor a range such as 39-41")]
    [InlineData("xid 13: log\nxid 11-13: none", "line 2: 13 has a rule already")]
    [InlineData("zid 13: log", "line 1: 'zid 13' is no rule; begin with xid, recovery-action, uncorrected-ecc or incident-seconds")]
    [InlineData("incident-seconds: soon", "line 1: incident-seconds is 'soon' but must be a whole number of seconds")]
    public void A_line_that_is_no_rule_is_refused_by_its_number(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => GpuHealthPolicy.Parse(text)).Message);

    [Fact]
    public void The_file_for_operators_is_the_shipped_policy() =>
        Assert.Equal(GpuHealthPolicyText.Default, Repository.Ending("docs/gpu-health.policy").Single().Text);

    [Theory]
    [InlineData("", "cpu-x64-k1", true)]
    [InlineData("cpu", "cpu-x64-k1", true)]
    [InlineData("cpu-x64-k1", "cpu-x64-k1", true)]
    [InlineData("cpu-x6", "cpu-x64-k1", false)]
    [InlineData("cpu-x64-k12", "cpu-x64-k1", false)]
    public void A_class_is_named_by_its_first_words(string wanted, string deviceClass, bool matches) =>
        Assert.Equal(matches, DeviceClasses.Matches(wanted, deviceClass));
}
