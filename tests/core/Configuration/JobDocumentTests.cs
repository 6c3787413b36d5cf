using System.Text.Json;
using Coordinator.Cli.Output;
using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Configuration;

/// <summary>What <c>describe</c> prints is a job file.</summary>
public sealed class JobDocumentTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Names =>
        ["train", "null", "true", "007", "1e3", "a: b # c", "- x", "\"quoted\" \\ 'x'", "größer", "yes", "~", "{}", "*a", "!b", "@c",
            "100 %"];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_job_that_was_described_is_submitted_again_with_the_same_spec(string name)
    {
        var spec = new JobSpec
        {
            Name = name,
            Ranks = 3,
            Priority = -5,
            Model = new ModelSpec { Dropout = 0.1 },
            Training = new TrainingSpec { Seed = ulong.MaxValue, AllowNonfinite = true },
            Optimizer = new OptimizerSpec { LearningRate = 1.0 / 3, Epsilon = 1e-8, DecaySteps = 7 },
            Data = new DataSpec { Sha256 = new string('0', 64), Bytes = 1000 },
            Initial = new InitialSpec { Sha256 = "1e" + new string('0', 62), Bytes = 5 },
            FaultTolerance = new FaultToleranceSpec { PeerTimeout = TimeSpan.FromTicks(12_345_678), StateTimeout = TimeSpan.FromDays(6.5) },
            Checkpoint = new CheckpointSpec { Interval = "500" },
        };
        foreach (var format in new[] { OutputFormat.Yaml, OutputFormat.Json })
            Assert.Equal(spec, JobFile.Load(folder.Write("job", Described(spec, format)), []));
        Assert.Equal(
            spec with { Training = spec.Training with { Steps = 9 } },
                JobFile.Load(folder.Write("job", Described(spec, OutputFormat.Yaml)), ["--training.steps=9"]));
    }

    [Theory]
    [InlineData("", "python3")]
    [InlineData("--layers 3 --name 'a: b # c' \\ \"x\"", "/opt/py thon/bin/python3.11")]
    [InlineData("null", "~")]
    public void A_job_with_a_program_of_its_own_is_submitted_again_with_the_same_spec(string arguments, string python)
    {
        var spec = new JobSpec
        {
            Model = new ModelSpec { Program = "process" },
            Program = new ProgramSpec
            {
                Sha256 = "1e" + new string('7', 62),
                Bytes = 10_240,
                Entry = "train.py",
                Python = python,
                Arguments = arguments,
                Threads = 3,
                WarmUpShards = 0,
                CheckEvery = 0,
                StartTimeout = TimeSpan.FromTicks(12_345_678),
                HangTimeout = TimeSpan.FromDays(1.5),
                AllowNondeterminism = true,
            },
        };
        foreach (var format in new[] { OutputFormat.Yaml, OutputFormat.Json })
            Assert.Equal(spec, JobFile.Load(folder.Write("job", Described(spec, format)), []));
    }

    [Theory]
    [InlineData(
        "apiVersion: v1\nkind: gang\nspec:\n  command:\n  - \"true\"\n",
            "the document describes a run of 'coordinator run', which is no training job; start it again with 'coordinator run'")]
    [InlineData(
        "apiVersion: v1\nkind: JobList\nitems: []\n",
            "the document is of the kind 'JobList' and holds no single job; print one with 'coordinator describe JOB -o yaml'")]
    [InlineData(
        "apiVersion: v1\nkind: Job\nspec:\n  training:\n    stepz: 5\n",
            "spec.training.stepz cannot be read as a part of a job; print the job again with 'coordinator describe JOB -o yaml'")]
    [InlineData(
        "apiVersion: v1\nkind: Job\nspec:\n  training:\n    steps: two\n",
            "spec.training.steps cannot be read as a part of a job; print the job again with 'coordinator describe JOB -o yaml'")]
    public void A_document_that_holds_no_job_is_refused(string yaml, string message)
    {
        var path = folder.Write("job.yaml", yaml);
        Assert.Equal($"{path}: {message}", Assert.Throws<ConfigurationException>(() => JobFile.Load(path, [])).Message);
    }

    [Theory]
    [InlineData("apiVersion: v1\nkind: Job\nspec: &a\n  x: *a\n")]
    [InlineData("apiVersion: v1\nspec: [[[[[[[[[[[[[[[[[[[[[[[[[[\n")]
    [InlineData("apiVersion: v1\nspec: {a: 1, a: 2}\n")]
    [InlineData("apiVersion: \"\\uD800\"\n")]
    [InlineData("{\"apiVersion\": \"v1\", \"spec\": ")]
    public void A_document_that_is_damaged_is_refused_with_its_place(string yaml)
    {
        var refused = Assert.Throws<ConfigurationException>(() => JobFile.Load(folder.Write("job.yaml", yaml), []));
        Assert.StartsWith(
            "this is no YAML", refused.Message[(refused.Message.LastIndexOf(": this", StringComparison.Ordinal) + 2)..],
                StringComparison.Ordinal);
        Assert.NotNull(refused.Line);
    }

    private static string Described(JobSpec spec, OutputFormat format)
    {
        using var text = new StringWriter();
        var view = new JobView
        {
            Id = new JobId("train-1"),
            Phase = "running",
            Spec = spec,
            Members = [new MemberView(0, new GpuId(new NodeId("n1"), 0), "a:1", 1, 1, true, "training")]
        };
        new Listing("Job", JsonSerializer.SerializeToNode(view, MachinesJson.Default.JobView)!, [], []).Print(text, format);
        return text.ToString();
    }
}
