using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Programs;

/// <summary>Jobs that bring a program in an assembly: what a job file says of it, and what it may not say.</summary>
public sealed class DotnetJobTests
{
    private static readonly string Assembly = Path.Combine(Path.GetTempPath(), "Mlp.dll");

    [Fact]
    public void A_program_whose_name_ends_in_dll_makes_the_job_one_of_the_kind_dotnet_with_settings_of_its_own()
    {
        var loaded = JobFile.LoadJob(null, [$"--program.path={Assembly}", "--settings.hidden=32", "--settings.rate=1e-3",
            "--optimizer.learning_rate=0.1"]);

        Assert.Equal(Assembly, loaded.ProgramPath);
        Assert.Equal("dotnet", loaded.Spec.Model.Program);
        Assert.Equal(new ProgramSpec { Entry = "Mlp.dll" }, loaded.Spec.Program);
        Assert.Equal(new JobSettings([new("rate", "1e-3"), new("hidden", "32")]), loaded.Spec.Settings);
        Assert.Equal(loaded.Spec, JobFile.Read("again", JobFile.Write(loaded.Spec)));
        Assert.NotEqual(loaded.Spec, loaded.Spec with { Settings = loaded.Spec.Settings!.With("hidden", "33") });
    }

    [Fact]
    public void A_job_file_has_them_in_a_section()
    {
        var spec = JobFile.Read("job.yaml", "model:\n  program: dotnet\nprogram:\n  entry: Mlp.dll\nsettings:\n  hidden: 32\n  name: \"a: "
            + "b\"\n");

        Assert.Equal(new JobSettings([new("hidden", "32"), new("name", "a: b")]), spec.Settings);
    }

    [Fact]
    public void What_a_job_tells_its_program_is_the_same_behind_the_api_and_in_what_describe_prints()
    {
        var spec = new JobSpec { Settings = new JobSettings([new("hidden", "32"), new("name", "a")]) };
        var json = System.Text.Json.JsonSerializer.Serialize(spec, MachinesJson.Default.JobSpec);

        Assert.Contains("\"settings\":{\"hidden\":\"32\",\"name\":\"a\"}", json, StringComparison.Ordinal);
        Assert.Equal(spec, System.Text.Json.JsonSerializer.Deserialize(json, MachinesJson.Default.JobSpec));
        Assert.Equal(spec, System.Text.Json.JsonSerializer.Deserialize(json.Replace("\"32\"", "32", StringComparison.Ordinal),
            MachinesJson.Default.JobSpec));
        Assert.DoesNotContain("settings", System.Text.Json.JsonSerializer.Serialize(new JobSpec(), MachinesJson.Default.JobSpec),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--program.python=python3.12",
        "program.python is set but must be left out with a program in .NET, which is no process of its own; leave it out")]
    [InlineData("--program.arguments=a", "program.arguments is set but must be left out with a program in .NET, which is no process of "
        + "its own; give it settings: --settings.NAME=VALUE")]
    [InlineData("--model.layers=3", "model is set but must be left out, since the program makes its own model; give it settings: "
        + "--settings.NAME=VALUE")]
    [InlineData("--model.program=gpt", "program.entry is set but must be left out with model.program gpt; leave --program out, or leave "
        + "model.program out")]
    public void What_a_program_in_an_assembly_does_not_look_at_is_refused(string wrong, string said) =>
        Assert.Equal(
            said,
            Assert.Throws<ConfigurationException>(() => JobFile.LoadJob(null, [$"--program.path={Assembly}",
                wrong])).Message.Split('\n')[0]);

    [Theory]
    [InlineData("linear", "settings.hidden is set but must be left out with model.program linear, which has no settings of its own; "
        + "delete it")]
    [InlineData("gpt", "settings.hidden is set but must be left out with model.program gpt, which has no settings of its own; delete it")]
    public void Settings_are_refused_where_nobody_reads_them(string program, string said) =>
        Assert.Equal(said, Assert.Throws<ConfigurationException>(() => JobFile.Load(null, [$"--model.program={program}",
            "--settings.hidden=1"])).Message);

    [Theory]
    [InlineData("--settings.=1")]
    [InlineData("--settings.7=1")]
    [InlineData("--settings.a.b=1")]
    public void A_setting_has_a_name_that_a_file_can_hold(string wrong) =>
        Assert.Contains(
            "can be no setting of a program; its name is a letter", Assert.Throws<ConfigurationException>(() => JobFile.LoadJob(null,
                [$"--program.path={Assembly}", wrong])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_table_is_for_programs_that_read_one()
    {
        var table = new DataSpec { Sha256 = new string('a', 64), Bytes = 24, Encoding = DataSpec.Table, Columns = 3 };
        var dotnet = JobFile.LoadJob(null, [$"--program.path={Assembly}"]).Spec;

        Assert.Empty(JobSpecValidator.Validate(dotnet with { Data = table }));
        Assert.Equal("data.bytes", Assert.Single(JobSpecValidator.Validate(dotnet with { Data = table with { Bytes = 20 } })).Field);
        Assert.Equal("data.columns", Assert.Single(JobSpecValidator.Validate(dotnet with { Data = table with { Columns = 0 } })).Field);
        Assert.Equal("data.encoding", Assert.Single(JobSpecValidator.Validate(new JobSpec { Data = table })).Field);
    }
}
