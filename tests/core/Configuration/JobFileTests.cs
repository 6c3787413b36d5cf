using Coordinator.Configuration;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Configuration;

public sealed class JobFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Without_file_and_overrides_the_defaults_hold() => Assert.Equal(new JobSpec(), JobFile.Load(null, []));

    [Fact]
    public void An_empty_file_and_empty_sections_leave_the_defaults()
    {
        Assert.Equal(new JobSpec(), JobFile.Load(File(""), []));
        Assert.Equal(new JobSpec(), JobFile.Load(File("# only a comment\n"), []));
        Assert.Equal(new JobSpec(), JobFile.Load(File("---\n"), []));
        Assert.Equal(new JobSpec(), JobFile.Load(File("training:\n  # steps: 5\nmodel:\n"), []));
    }

    [Fact]
    public void A_file_sets_every_kind_of_value()
    {
        var spec = JobFile.Load(
            File("""
                job:
                  name: "two words: \"quoted\""
                  ranks: 8
                training: {steps: 20, shards: 16, seed: 18446744073709551615}
                optimizer:
                  learning_rate: 3e-4   # comment
                  gradient_clip: 0
                fault_tolerance:
                  gather_delay: 1.5ms
                  state_timeout: 2h
                """),
            []);

        var defaults = new JobSpec();
        Assert.Equal(
            defaults with
            {
                Name = "two words: \"quoted\"",
                Ranks = 8,
                Training = defaults.Training with { Steps = 20, Shards = 16, Seed = ulong.MaxValue },
                Optimizer = defaults.Optimizer with { LearningRate = 3e-4, GradientClip = 0 },
                FaultTolerance = defaults.FaultTolerance with
                {
                    GatherDelay = TimeSpan.FromMilliseconds(1.5),
                    StateTimeout = TimeSpan.FromHours(2),
                },
            },
            spec);
    }

    [Fact]
    public void The_command_line_goes_over_the_file_and_the_file_over_the_defaults()
    {
        var path = File("training:\n  steps: 20\n  batch_size: 32\n");
        var training = JobFile.Load(
            path, ["--training.steps=30", "--training.seed", "7", "model.layers=2", "--training.steps=40"]).Training;
        Assert.Equal(new TrainingSpec { Steps = 40, BatchSize = 32, Seed = 7 }, training);
    }

    [Fact]
    public void A_value_on_the_command_line_heals_an_impossible_one_in_the_file() =>
        Assert.Equal(4, JobFile.Load(File("training:\n  shards: 3\n"), ["--training.shards=4"]).Training.Shards);

    [Fact]
    public void Every_key_is_written_and_read_back_to_the_same_spec()
    {
        var spec = new JobSpec
        {
            Name = "null",
            Ranks = 3,
            MinRanks = 2,
            Model = new() { Layers = 3, Heads = 5, Channels = 35, Block = 9, Vocab = 300, Dropout = 0.1 },
            Training = new() { Steps = long.MaxValue / 16, BatchSize = 7, Shards = 8, MicroBatch = 3, Seed = 99, AllowNonfinite = true },
            Optimizer = new()
            {
                LearningRate = 1.0 / 3,
                MinLearningRate = 1e-30,
                WarmupSteps = 5,
                DecaySteps = 77,
                Beta1 = 0.1,
                Beta2 = 0.2,
                Epsilon = 1e-5,
                WeightDecay = 0.3,
                GradientClip = 0.4
            },
            Data = new() { Sha256 = new string('a', 64), Bytes = 1000, Encoding = "uint16" },
            Collective = new() { BlockElements = 32, WindowBlocks = 2 },
            FaultTolerance = new()
            {
                StartTimeout = TimeSpan.FromTicks(1234567),
                AnswerTimeout = TimeSpan.FromSeconds(90),
                PeerTimeout = TimeSpan.FromMinutes(90),
                GatherDelay = TimeSpan.Zero,
                ProgressTimeout = TimeSpan.FromTicks(10_001),
                HangTimeout = TimeSpan.FromSeconds(7),
                StateTimeout = TimeSpan.FromDays(1),
            },
            Secret = Convert.ToBase64String(new byte[32]),
        };

        var text = JobFile.Write(spec);

        Assert.Equal(spec with { Secret = "" }, JobFile.Load(File(text), []));
    }

    [Fact]
    public void The_default_job_file_reads_like_this() =>
        Assert.Equal(
            """
            job:
              name: train
              ranks: 1
              min_ranks: 1
              priority: 0
              device_class: ""
            model:
              program: gpt
              layers: 4
              heads: 4
              channels: 128
              block: 64
              vocab: 256
              dropout: 0
            training:
              steps: 1000
              batch_size: 16
              shards: 4
              micro_batch: 4
              seed: 1
              allow_nonfinite: false
            optimizer:
              learning_rate: 0.001
              beta1: 0.9
              beta2: 0.99
              epsilon: 1E-08
              weight_decay: 0.1
              gradient_clip: 1
            lr_scheduler:
              warmup_steps: 100
              decay_steps: 0
              min_learning_rate: 0.0001
            collective:
              block_elements: 16384
              window_blocks: 32
            fault_tolerance:
              start_timeout: 10s
              answer_timeout: 3s
              peer_timeout: 2s
              gather_delay: 30ms
              progress_timeout: 5s
              hang_timeout: 30s
              state_timeout: 10m
            checkpoint:
              interval: auto
              keep_latest: 2
              keep_every: 0
              restore_after: 10s

            """,
            JobFile.Write(new JobSpec()));

    [Theory]
    [InlineData("plain-name_1.2")]
    [InlineData("null")]
    [InlineData("~")]
    [InlineData("- a: b # c")]
    [InlineData("\"quotes\" and \\ and 'single'")]
    [InlineData("  spaces  ")]
    [InlineData("größe 数 \U0001F600")]
    public void Any_name_is_written_and_read_back(string name) =>
        Assert.Equal(name, JobFile.Load(File(JobFile.Write(new JobSpec { Name = name })), []).Name);

    [Fact]
    public void A_data_path_in_a_file_is_relative_to_the_file_and_on_the_command_line_as_given()
    {
        var path = File("data:\n  path: texts/*.txt\n");
        Assert.Equal(folder.File("texts/*.txt"), JobFile.LoadJob(path, []).DataPath);
        Assert.Equal("other.txt", JobFile.LoadJob(path, ["--data.path=other.txt"]).DataPath);
        Assert.Null(JobFile.LoadJob(null, []).DataPath);
    }

    private string File(string yaml) => folder.Write("job.yaml", yaml);
}
