using Coordinator.Runs.Alerts;
using Coordinator.Tests.Architecture;

namespace Coordinator.Tests.Alerts;

/// <summary>The file of rules.</summary>
public sealed class AlertRulesTests
{
    [Fact]
    public void The_shipped_file_is_the_rules_themselves_and_every_rule_has_a_page()
    {
        Assert.Equal(AlertRules.DefaultText, Repository.Ending("docs/alerts.rules").Single().Text);
        var read = AlertRules.Parse(AlertRules.DefaultText);
        var page = Repository.Ending("docs/alerts.md").Single().Text;
        foreach (var rule in AlertRule.All)
        {
            Assert.Equal(new AlertRules()[rule], read[rule]);
            Assert.Contains($"\n### {rule.Name}\n", page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Lines_change_what_they_name_and_nothing_else()
    {
        var rules = AlertRules.Parse("stalled-progress: 90s # soon\r\n\r\nrestart-storm : 3 in 1h\npower-near-cap: 80%\none-holder: off");

        Assert.Equal(TimeSpan.FromSeconds(90), rules[AlertRule.StalledProgress]!.Time);
        Assert.Equal((3, TimeSpan.FromHours(1)), (rules[AlertRule.RestartStorm]!.Count, rules[AlertRule.RestartStorm]!.Time));
        Assert.Equal(0.8, rules[AlertRule.PowerNearCap]!.Share);
        Assert.Null(rules[AlertRule.OneHolder]);
        Assert.Equal(TimeSpan.FromSeconds(30), rules[AlertRule.SiloLost]!.Time);
    }

    [Theory]
    [InlineData("stalled-progress: soon", "line 1: stalled-progress is 'soon' and must be a time, such as 30s or 5m, or off")]
    [InlineData("stalled-progress: 0s", "must be a time")]
    [InlineData("restart-storm: 5", "must be a number in a time, such as 5 in 10m, or off")]
    [InlineData("restart-storm: 0 in 10m", "must be a number in a time")]
    [InlineData("power-near-cap: 120%", "must be a share, such as 95%, or off")]
    [InlineData("power-near-cap: 0.9", "must be a share")]
    [InlineData("loss-not-finite: 5", "must be on, or off")]
    [InlineData("restart-budget-low: -1", "must be a number of 1 to 1000000")]
    [InlineData("\nstaled-progress: 5m", "line 2, 'staled-progress: 5m', is no 'rule: number'; rules are stalled-progress, ")]
    [InlineData("one-holder", "is no 'rule: number'")]
    [InlineData("one-holder: 1m\none-holder: 2m", "line 2 says one-holder a second time")]
    [InlineData("one-holder: \u001b[31m", "one-holder is '\uFFFD[31m'")]
    public void A_line_that_is_none_is_named(string text, string said) =>
        Assert.Contains(said, Assert.Throws<FormatException>(() => AlertRules.Parse(text)).Message, StringComparison.Ordinal);
}
