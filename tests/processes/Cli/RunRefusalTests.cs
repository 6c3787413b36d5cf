using Coordinator.Cli.Commands;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Tests.Processes.Cli;

/// <summary><c>run</c> with what cannot be: a sentence that names what was typed, and nothing is started.</summary>
[Collection("the console of this process")]
public sealed class RunRefusalTests
{
    [Theory]
    [InlineData("--nodes is 0 but must be from 1 to 100000.", "--nodes", "0", "true")]
    [InlineData("--min-nodes is -1 but must be from 1 to 100000.", "--min-nodes", "-1", "true")]
    [InlineData("--max-nodes is 1 but must be from 2 to 100000.", "--min-nodes", "2", "--max-nodes", "1", "true")]
    [InlineData("--gpus-per-node is 2000 but must be from 1 to 1024.", "--gpus-per-node", "2000", "true")]
    [InlineData("--priority is 5000 but must be from -1000 to 1000.", "--priority", "5000", "true")]
    [InlineData("--restarts is 9999999 but must be from 0 to 1000000.", "--restarts", "9999999", "true")]
    [InlineData("--grace is 90000 s but must be from 0 s to 86400 s.", "--grace", "25h", "true")]
    [InlineData("--lease is 0.001 s but must be from 1 s to 600 s.", "--lease", "1ms", "true")]
    [InlineData("--hang-timeout is 0.5 s but must be from 1 s to 86400 s.", "--hang-timeout", "500ms", "true")]
    [InlineData("--alone is 90000 s but must be from 0 s to 86400 s.", "--alone", "25h", "true")]
    [InlineData("--progress-time is 90000 s but must be from 0 s to 86400 s.", "--progress-time", "25h", "true")]
    [InlineData(
        "--env is '1A' but must be names of letters, digits and '_' that do not begin with a digit or COORDINATOR_.", "--env", "1A=b",
            "true")]
    [InlineData("--name is 'a b' but must be 1 to 100 characters without control characters or unseen ones.", "--name", "a\nb", "true")]
    [InlineData("The command is empty.", "--nodes", "1", "")]
    [InlineData("'coordinator run' has no option '--for', and a program is not called so.", "--for", "1", "true")]
    public async Task What_cannot_be_is_named_as_it_was_typed(string said, params string[] arguments)
    {
        var errors = Console.Error;
        using var written = new StringWriter();
        try
        {
            Console.SetError(TextWriter.Synchronized(written));
            Assert.Equal(ExitCodes.Usage, await CommandLine.RunAsync(["run", .. arguments]));
        }
        finally
        {
            Console.SetError(errors);
        }

        Assert.Equal($"error: {said}", written.ToString().Split(Environment.NewLine)[0]);
    }
}
