using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class ShellWordTests
{
    [Theory]
    [InlineData("/tmp/run-1/token", "/tmp/run-1/token")]
    [InlineData("a b", "'a b'")]
    [InlineData("it's", @"'it'\''s'")]
    [InlineData("$HOME;rm", "'$HOME;rm'")]
    [InlineData("", "''")]
    [InlineData("~/x", "'~/x'")]
    [InlineData("a\nb\u001b[2J", @"$'a\U0000000ab\U0000001b[2J'")]
    public void A_word_can_be_pasted_and_steers_no_terminal(string text, string word) => Assert.Equal(word, ShellWord.Of(text));
}
