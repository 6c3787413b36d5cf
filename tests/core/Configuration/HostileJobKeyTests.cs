using System.Text;
using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Configuration;

/// <summary>Every key that a job has, with whatever a stranger may give it, on the command line and in a file: a job that can run, or a
/// sentence that names the key.</summary>
public sealed class HostileJobKeyTests
{
    private static readonly string[] Values =
    [
        " ", "two", "-1", "+7", "0", "-0", "0,7", "1,000", "1.5", "1e3", "1e999", "1e-310", "1e-40", "0.999999999", "NaN", "Infinity",
            "-Infinity", "0x10", "1_000", "99999999999999999999999999", "9223372036854775807", "2147483647",
        "٣", "１", "½", "true", "TRUE", "yes", "null", "~", "1s", "-1s", "1ns", "0.0001ms", "1 s", "1S", "s", "99999999999h", "1e3s",
            "@/etc/passwd", "/", "/dev/null", "../..", "a\u001b[2J", "\u202Eb", "\u009b", "a\u0000b", "a\nb", "\ud83d\ude00",
        "[1]", "{a: 1}", "*a", "&a", "!!int 5", "- 5", "#", "'", "\"", "%", new('x', 500), "gpt", "auto", "bytes",
    ];

    public static TheoryData<string> Keys => [.. JobKeys.Names];

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_value_makes_a_job_that_can_run_or_a_sentence_that_names_the_key(string key)
    {
        foreach (var value in Values)
        {
            Look(key, value, () => JobFile.Load(null, [$"--{key}={value}"]));
            var section = key[..key.IndexOf('.', StringComparison.Ordinal)];
            foreach (var written in new[] { value, $"'{value.Replace("'", "''", StringComparison.Ordinal)}'" })
                Look(key, written, () => JobFile.Read("job.yaml", $"{section}:\n  {key[(section.Length + 1)..]}: {written}\n"));
        }
    }

    private static void Look(string key, string value, Func<JobSpec> load)
    {
        try
        {
            var spec = load();
            Assert.Empty(JobSpecValidator.Validate(spec));
        }
        catch (ConfigurationException refused)
        {
            var lines = refused.Message.Split('\n');
            Assert.All(lines, line => Assert.True(PlainText.IsPlain(line), $"{key}={value}: {PlainText.Line(line)}"));
            Assert.DoesNotContain("System.", refused.Message, StringComparison.Ordinal);
            Assert.InRange(Encoding.UTF8.GetByteCount(refused.Message), 10, 2000);
        }
    }
}
