using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class PlainTextTests
{
    [Theory]
    [InlineData("enough", "enough")]
    [InlineData("größer, 研究, 👩‍🔬, می‌خواهم", "größer, 研究, 👩‍🔬, می‌خواهم")]
    [InlineData("\u001b[31mred\u0007", "\uFFFD[31mred\uFFFD")]
    [InlineData("\u009b2J\u0085next\u007f", "\uFFFD2J next\uFFFD")]
    [InlineData("over\r\n12:00:00 job.finished\n\nforged\u2028\u2029end\t.", "over 12:00:00 job.finished forged end .")]
    [InlineData("\u202Egnp.exe\u2066\u200F\u061C", "\uFFFDgnp.exe\uFFFD\uFFFD\uFFFD")]
    [InlineData("un\u200Bse\u00ADen\uFEFF", "un\uFFFDse\uFFFDen\uFFFD")]
    [InlineData("\n", " ")]
    [InlineData("", "")]
    public void A_line_of_foreign_text_steers_nobody(string text, string plain)
    {
        Assert.Equal(plain, PlainText.Line(text));
        Assert.Equal(text == plain, PlainText.IsPlain(text));
        Assert.True(PlainText.IsPlain(plain));
    }

    // Halves of surrogate pairs do not survive in the names of tests.
    [Fact]
    public void Half_of_a_surrogate_pair_is_replaced()
    {
        Assert.Equal("a\uFFFDb", PlainText.Line("a\ud800b"));
        Assert.Equal("a\uFFFD", PlainText.Line("a\udc00"));
        Assert.Equal("\uFFFD", PlainText.Line("\ud83d"));
        Assert.Equal(1, PlainText.IndexOfHostile("a\ud800b"));
    }

    [Fact]
    public void Every_control_and_every_character_of_direction_is_hostile()
    {
        int[] directions = [0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069];
        foreach (var code in Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Concat(directions))
            Assert.False(PlainText.IsPlain($"a{(char)code}b"), $"U+{code:X4} passes");
    }

    [Fact]
    public void A_long_text_is_cut_and_no_pair_with_it()
    {
        Assert.Equal("abcd", PlainText.Line("abcd", 4));
        Assert.Equal("abc…", PlainText.Line("abcde", 4));
        Assert.Equal("ab…", PlainText.Line("ab😀de", 4));
        Assert.Equal("ab😀…", PlainText.Line("ab😀def", 5));
    }

    [Theory]
    [InlineData("\"train\\u001b\"")]
    [InlineData("\"train\\u202e\"")]
    [InlineData("\"train\\n\"")]
    public void An_id_that_steers_who_shows_it_is_refused(string json)
    {
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, MachinesJson.Default.JobId));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, MachinesJson.Default.NodeId));
    }

    [Theory]
    [InlineData("http://10.0.0.1:7070", "http://10.0.0.1:7070")]
    [InlineData("http://user:secret@host:1", "http://…@host:1")]
    [InlineData("user:secret@host", "…@host")]
    [InlineData("http://a:se/c,r@et@host", "http://…@host")]
    [InlineData("http://x,htp://a:secret@y", "http://…@y")]
    [InlineData("@", "…@")]
    public void An_address_is_shown_without_the_password_in_it(string given, string shown) => Assert.Equal(shown, PlainText.Address(given));
}
