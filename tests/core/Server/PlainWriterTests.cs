using Coordinator.Server.Hosting;

namespace Coordinator.Tests.Server;

public sealed class PlainWriterTests
{
    [Theory]
    [InlineData("a line\nand\tanother\r\n", "a line\nand\tanother\r\n")]
    [InlineData("\u001b[31mred\u001b[0m", "\uFFFD[31mred\uFFFD[0m")]
    [InlineData("50 %\r100 %", "50 %\uFFFD100 %")]
    [InlineData("\u009b2J\u202Etxt\u2069", "\uFFFD2J\uFFFDtxt\uFFFD")]
    [InlineData("bell\u0007 and back\b", "bell\uFFFD and back\uFFFD")]
    [InlineData("größer 👩‍🔬", "größer 👩‍🔬")]
    public void What_is_printed_steers_no_terminal(string text, string printed)
    {
        using var inner = new StringWriter();
        using var writer = new PlainWriter(inner);
        writer.Write(text);
        Assert.Equal(printed, inner.ToString());
    }

    [Fact]
    public void A_pair_that_comes_in_halves_is_printed_whole_and_a_half_alone_is_not()
    {
        using var inner = new StringWriter();
        using var writer = new PlainWriter(inner);
        foreach (var half in "a😀b")
            writer.Write(half);
        writer.Write("\ud83d");
        writer.WriteLine("x");
        Assert.Equal("a😀b\uFFFDx" + Environment.NewLine, inner.ToString());
    }
}
