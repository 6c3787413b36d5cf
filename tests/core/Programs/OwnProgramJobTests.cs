using Coordinator.Configuration;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Programs;

/// <summary>Jobs that bring a program of their own: what a job file says of it, and what it may not say.</summary>
public sealed class OwnProgramJobTests
{
    private static readonly string Script = Path.Combine(Path.GetTempPath(), "train.py");

    [Fact]
    public void A_program_by_its_path_makes_the_job_one_of_the_kind_process()
    {
        var loaded = JobFile.LoadJob(null, [$"--program.path={Script}", "--program.threads=2", "--program.arguments=--width 64"]);

        Assert.Equal(Script, loaded.ProgramPath);
        Assert.Equal("process", loaded.Spec.Model.Program);
        Assert.Equal(new ProgramSpec { Entry = "train.py", Threads = 2, Arguments = "--width 64" }, loaded.Spec.Program);
        Assert.Equal(loaded.Spec, JobFile.Read("again", JobFile.Write(loaded.Spec)));
        Assert.DoesNotContain("program:\n  entry", JobFile.Write(new JobSpec()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--optimizer.learning_rate=0.1", "optimizer is set but must be left out, since the program brings its own optimizer and "
        + "schedule; set them in the program, or by program.arguments")]
    [InlineData(
        "--model.layers=3",
        "model is set but must be left out, since the program makes its own model; give the program arguments instead: program.arguments")]
    [InlineData("--program.threads=0", "program.threads is 0 but must be 1 to 256; raise program.threads")]
    [InlineData(
        "--program.python=-c", "program.python is '-c' but must be the name or path of an interpreter; set program.python to python3")]
    [InlineData("--program.hang_timeout=0s", "program.hang_timeout is 0s but must be 1ms to 604800s; raise program.hang_timeout")]
    [InlineData(
        "--model.program=gpt",
        "program.entry is set but must be left out with model.program gpt; leave --program out, or leave model.program out")]
    public void What_a_program_does_not_look_at_or_cannot_be_is_refused(string wrong, string said) =>
        Assert.Equal(
            said,
            Assert.Throws<ConfigurationException>(() => JobFile.LoadJob(null, [$"--program.path={Script}", wrong])).Message.Split('\n')[0]);

    [Fact]
    public void A_job_is_not_submitted_before_its_program_is_frozen()
    {
        var spec = JobFile.LoadJob(null, [$"--program.path={Script}"]).Spec;

        Assert.Equal("program.sha256", Assert.Single(JobSpecValidator.ValidateSubmitted(spec)).Field);
        Assert.Empty(
            JobSpecValidator.ValidateSubmitted(spec with { Program = spec.Program! with { Sha256 = new string('a', 64), Bytes = 1 } }));
    }

    [Fact]
    public void A_kind_of_its_own_without_a_program_is_refused() =>
        Assert.Equal(
            "program.entry", Assert.Single(JobSpecValidator.Validate(new JobSpec { Model = new ModelSpec { Program = "process" } })).Field);
}
