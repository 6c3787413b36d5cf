using System.Diagnostics;
using System.Text;
using Coordinator.Machines;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>What people paste is what was meant, as a real shell reads it.</summary>
public sealed class PastedWordTests
{
    [Theory]
    [InlineData("\t 'é'\\ \"$(x)\" `y` *?[a] \u202e\u0007 {1,2} !! # ~")]
    [InlineData("it's a \"path\"; with $HOME & more")]
    public void A_shell_reads_every_word_back_as_it_was(string text)
    {
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", $"printf %s {ShellWord.Of(text)}"])
        {
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.UTF8,
            Environment = { ["LC_ALL"] = "C.UTF-8" },
        })!;
        Assert.Equal(text, shell.StandardOutput.ReadToEnd());
        shell.WaitForExit();
    }
}
