using Coordinator.Worker.Gangs;

namespace Coordinator.Tests.Worker.Gangs;

/// <summary>What torch's programs say of their failure.</summary>
public sealed class ErrorFileTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Theory]
    [InlineData(
        """{"message": {"message": "ValueError: bad\nsample", "extraInfo": {"py_callstack": "x", "timestamp": "1"}}}""",
        "ValueError: bad sample")]
    [InlineData("""{"message": "plain"}""", "plain")]
    [InlineData("""{"message": {"extraInfo": {}}}""", "")]
    [InlineData("""{"message": 5}""", "")]
    [InlineData("""[1, 2]""", "")]
    [InlineData("nonsense", "")]
    [InlineData("", "")]
    public void Its_message_is_read_on_one_line_and_whatever_else_lies_there_is_nothing(string text, string message)
    {
        File.WriteAllText(path, text);

        Assert.Equal(message, ErrorFile.Read(path));
    }

    [Fact]
    public void A_file_that_is_not_there_says_nothing() => Assert.Equal("", ErrorFile.Read(path + ".missing"));
}
