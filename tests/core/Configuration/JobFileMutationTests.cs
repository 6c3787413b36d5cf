using System.Text;
using Coordinator.Configuration;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Data;

namespace Coordinator.Tests.Configuration;

public sealed class JobFileMutationTests
{
    private static readonly string[] Fragments =
        [": ", "\n", "  ", "-", "? ", "*a", "&a ", "!!x ", "{", "}", "[", "]", "\"", "'", "|\n", ">", "#", "%YAML 9.9\n", "---\n", "...\n", "\t", "\0", "<<", "1e9", "~", "\\", "\u2028", "@"];

    [Fact]
    public void Any_spoiled_job_file_is_read_or_refused_by_type()
    {
        var valid = Encoding.UTF8.GetBytes(JobFile.Write(new JobSpec { Name = "a \"name\"" }));
        var (read, refused) = (0, 0);
        for (var seed = 0; seed < 5000; seed++)
        {
            var spoiled = Mutator.Mutate(valid, seed, Fragments);
            try
            {
                Assert.Empty(JobSpecValidator.Validate(JobFile.Apply(YamlSettings.Read("job.yaml", spoiled)).Spec));
                read++;
            }
            catch (ConfigurationException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {Encoding.UTF8.GetString(spoiled)}\n{e}");
            }
        }

        // Both happen, or the mutations are too weak or too strong to say anything.
        Assert.InRange(read, 100, 4900);
        Assert.InRange(refused, 100, 4900);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("a:\n ")]
    [InlineData("&a ")]
    [InlineData("!")]
    [InlineData("#")]
    [InlineData("\"")]
    [InlineData("x")]
    [InlineData("---\n")]
    public void A_megabyte_of_one_thing_is_refused_or_read_without_end_or_overflow(string repeated)
    {
        var text = string.Concat(Enumerable.Repeat(repeated, 1_000_000 / repeated.Length));
        foreach (var yaml in new[] { text, "training:\n  steps: " + text, "training:\n  " + text, "training: " + text })
        {
            try
            {
                YamlSettings.Read("job.yaml", Encoding.UTF8.GetBytes(yaml));
            }
            catch (ConfigurationException)
            {
                // Refused by type, as it should be.
            }
        }
    }
}
