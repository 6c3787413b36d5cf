using Coordinator.Configuration;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Architecture;

namespace Coordinator.Tests.Configuration;

public sealed class JobKeyReferenceTests
{
    [Fact]
    public void Every_key_is_explained_with_type_default_and_range()
    {
        Assert.Equal(
            JobKeys.Names.Append(JobKeyReference.AnySetting).Order(StringComparer.Ordinal), JobKeyReference.All.Select(key =>
                key.Name).Order(StringComparer.Ordinal));
        Assert.All(JobKeyReference.All, key => Assert.True(key.Type.Length > 0 && key.About.EndsWith('.'), key.ToString()));
        Assert.Equal(
            new JobKeyInfo(
                "training.steps", "a whole number", "1000",
                    "1 or more; at most 576460752303423487 with this batch size, for samples are counted with 63 bits",
                        "Optimizer steps; the job ends when the last one is applied."),
                            Assert.Single(JobKeyReference.Find("training.steps")));
        Assert.Equal("1ms to 604800s", Assert.Single(JobKeyReference.Find("fault_tolerance.answer_timeout")).Range);
        Assert.Equal(
            ["checkpoint.interval", "checkpoint.keep_latest", "checkpoint.keep_every", "checkpoint.restore_after",
                "checkpoint.initial_load_sha256", "checkpoint.initial_load_bytes", "checkpoint.initial_load_path"],
                    JobKeyReference.Find("checkpoint").Select(key => key.Name));
    }

    [Fact]
    public void What_is_no_key_is_refused_with_what_was_probably_meant()
    {
        Assert.StartsWith(
            "training.stepz is no known key; did you mean training.steps?",
                Assert.Throws<ConfigurationException>(() => JobKeyReference.Find("training.stepz")).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "trainig is no known section; did you mean training?",
                Assert.Throws<ConfigurationException>(() => JobKeyReference.Find("trainig")).Message, StringComparison.Ordinal);

        // Of three letters, two are no slip.
        Assert.StartsWith(
            "foo is no known section; the sections are ", Assert.Throws<ConfigurationException>(() => JobKeyReference.Find("foo")).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_of_the_documentation_is_what_the_command_prints() =>
        Assert.Equal(Assert.Single(Repository.Ending("docs/job-file.md")).Text, JobKeyReference.Markdown());

    [Fact]
    public void Every_default_is_one_with_which_a_job_can_run()
    {
        string[] ofFiles = ["data.", "program."];
        var written = JobKeyReference.All
            .Where(key => key.Default.Length > 0 && !ofFiles.Any(section => key.Name.StartsWith(section, StringComparison.Ordinal)))
            .Select(key => $"--{key.Name}={key.Default}");
        Assert.Equal(new JobSpec(), JobFile.Load(null, written));
    }
}
