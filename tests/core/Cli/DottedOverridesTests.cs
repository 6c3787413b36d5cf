using Coordinator.Cli.Commands;
using Coordinator.Cli.Output;

namespace Coordinator.Tests.Cli;

public class DottedOverridesTests
{
    [Fact]
    public void Both_spellings_are_read_in_order() =>
        Assert.Equal(
            [new("model.layers", "4"), new("training.steps", "200"), new("optimizer.learning_rate", "1e-3")],
            DottedOverrides.Parse(["--model.layers=4", "--training.steps", "200", "--optimizer.learning_rate=1e-3"]));

    [Theory]
    [InlineData("--stpes")]
    [InlineData("steps")]
    [InlineData("--model.layers")]
    [InlineData("--model.layers", "--training.steps=3")]
    public void What_is_no_override_is_a_usage_error(params string[] unmatched) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CommandException>(() => DottedOverrides.Parse(unmatched)).ExitCode);
}
