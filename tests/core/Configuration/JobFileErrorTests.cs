using Coordinator.Configuration;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Configuration;

public sealed class JobFileErrorTests : IDisposable
{
    private const string TrainingKeys = "training has steps, batch_size, shards, micro_batch, seed, allow_nonfinite";
    private const string Sections =
        "the sections are job, model, program, training, optimizer, lr_scheduler, collective, fault_tolerance, checkpoint, data, settings";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("training:\n  stepz: 5\n", 2, 3, "training.stepz is no known key; did you mean training.steps? " + TrainingKeys)]
    [InlineData("training:\n  zebra: 5\n", 2, 3, "training.zebra is no known key; " + TrainingKeys)]
    [InlineData(
        "training:\n  warmup_steps: 5\n",
        2,
        3,
        "training.warmup_steps is no known key; did you mean lr_scheduler.warmup_steps? " + TrainingKeys)]
    [InlineData(
        "training:\n  max_norm: 1\n", 2, 3, "training.max_norm is no known key; did you mean optimizer.gradient_clip? " + TrainingKeys)]
    [InlineData("job:\n  ranks: 2\ntrainig:\n  steps: 5\n", 3, 1, "trainig is no known section; did you mean training? " + Sections)]
    [InlineData("zebra:\n  stripes: 5\n", 1, 1, "zebra is no known section; " + Sections)]
    public void An_unknown_key_is_named_with_its_line_and_what_was_probably_meant(string yaml, int line, int column, string message) =>
        AssertRefused(yaml, line, column, message);

    [Theory]
    [InlineData("training:\n  steps: many\n", 2, 10, "training.steps is 'many' but must be a whole number")]
    [InlineData("training:\n  steps: 1.5\n", 2, 10, "training.steps is '1.5' but must be a whole number")]
    [InlineData("training:\n  batch_size: 99999999999\n", 2, 15, "training.batch_size is '99999999999' but must be a whole number")]
    [InlineData("training:\n  seed: -1\n", 2, 9, "training.seed is '-1' but must be a whole number, 0 to 18446744073709551615")]
    [InlineData("optimizer:\n  beta1: .nan\n", 2, 10, "optimizer.beta1 is '.nan' but must be a number")]
    [InlineData("optimizer:\n  beta1: NaN\n", 2, 10, "optimizer.beta1 is 'NaN' but must be a number")]
    [InlineData("optimizer:\n  beta1: 1e999\n", 2, 10, "optimizer.beta1 is '1e999' but must be a number")]
    [InlineData(
        "fault_tolerance:\n  peer_timeout: 30\n",
        2,
        17,
        "fault_tolerance.peer_timeout is '30' but must be a duration such as 500ms, 30s, 10m or 1h")]
    public void An_ill_typed_value_is_named_with_its_place(string yaml, int line, int column, string message) =>
        AssertRefused(yaml, line, column, message);

    [Theory]
    [InlineData("training:\n  steps:\n", 2, 3, "training.steps has no value; give it one or delete the line")]
    [InlineData("training:\n  steps: ~\n", 2, 3, "training.steps has no value; give it one or delete the line")]
    [InlineData("training:\n  steps: 1\n  steps: 2\n", 3, 3, "steps is given twice, first in line 2; delete one of the two")]
    [InlineData("training:\n  steps: 1\ntraining:\n  seed: 2\n", 3, 1, "training is given twice, first in line 1; delete one of the two")]
    [InlineData("training:\n  steps: [1]\n", 2, 10, "the value of training.steps has to be a single word, number or text in quotes")]
    [InlineData("training:\n  steps:\n    a: 1\n", 3, 5, "the value of training.steps has to be a single word, number or text in quotes")]
    [InlineData("training: 5\n", 1, 11, "training has to be lines of 'key: value'")]
    [InlineData("- training\n", 1, 1, "a job file has to be lines of 'key: value'")]
    [InlineData("training:\n  ? [a]\n  : 1\n", 2, 5, "a key of training has to be a single word, number or text in quotes")]
    [InlineData("training: &t\n  steps: 5\nmodel: *t\n", 3, 8, "model has to be lines of 'key: value'")]
    [InlineData("training:\n  steps: !!int 5\n", 2, 10, "tags such as tag:yaml.org,2002:int mean nothing in a job file; delete it")]
    [InlineData("training:\n  steps: 5\n---\ntraining:\n", 3, 1, "a job file holds one document; begin another file for another job")]
    [InlineData("data:\n  path: \"\"\n", 2, 9, "data.path is '' but must be a path")]
    [InlineData("data:\n  path: \"a\\0b\"\n", 2, 9, "data.path is 'a\uFFFDb' but must be a path")]
    public void A_file_of_another_form_is_refused_with_the_place(string yaml, int line, int column, string message) =>
        AssertRefused(yaml, line, column, message);

    [Fact]
    public void Text_that_is_no_yaml_is_refused_with_the_line()
    {
        var path = folder.Write("job.yaml", "training:\n  steps: \"unfinished\n");
        var error = Assert.Throws<ConfigurationException>(() => JobFile.Load(path, []));
        Assert.Equal((path, 2, 10), (error.File, error.Line, error.Column));
    }

    // YamlDotNet reports this one with an exception of no type of its own; found by mutation, seed 69.
    [Fact]
    public void A_bracket_that_never_closes_is_refused_with_the_line() =>
        AssertRefused("job:\n  ranks: 1\n [mn_ranks: 1\nmodel:\n  layers 4\n", 3, 2, "this is no YAML: what follows here cannot be read");

    [Theory]
    [InlineData("job:\n  name: \"\\uD800\\u0041\"\n", 2, 7, "this is no YAML: what follows here cannot be read")]
    [InlineData(
        "\0\0\0\0\0\0\0\0\0\0", 1, 1,
            "the job file holds the character U+0000, which no YAML has; the file may be damaged: write it again, or delete the character")]
    [InlineData(
        "job:\n  name: a\0b\n", 2, 10,
            "the job file holds the character U+0000, which no YAML has; the file may be damaged: write it again, or delete the character")]
    [InlineData(
        "job:\n  name: a\u001b[2J\n", 2, 10,
            "the job file holds the character U+001B, which no YAML has; the file may be damaged: write it again, or delete the character")]
    public void Text_that_makes_the_library_fail_or_stop_is_refused_with_the_place(string yaml, int line, int column, string message) =>
        AssertRefused(yaml, line, column, message);

    [Fact]
    public void Text_in_another_encoding_is_named() => Assert.Equal(
        $"{folder.File("x.yaml")}: the job file is text in UTF-16; save it as text in UTF-8",
        Message(folder.Write("x.yaml", [.. System.Text.Encoding.Unicode.Preamble, .. System.Text.Encoding.Unicode.GetBytes("job:\n")])));

    [Fact]
    public void Impossible_values_are_all_named_each_with_its_place()
    {
        var path = folder.Write("job.yaml", "job:\n  ranks: 8\nmodel:\n  heads: 3\n");
        var error = Assert.Throws<ConfigurationException>(() => JobFile.Load(path, ["--training.micro_batch=0"]));
        Assert.Equal((2, 10), (error.Line, error.Column));
        Assert.Equal(
            $"{path}:2:10: job.ranks is 8 but must be 1 to the number of shards, 4; lower job.ranks to 4 or raise training.shards\n"
            + $"{path}:4:10: model.heads is 3 but must be a divisor of model.channels, 128; set model.channels to 129 or change "
            + "model.heads\n"
            + "training.micro_batch is 0 but must be 1 or more; raise training.micro_batch",
            error.Message);
    }

    [Fact]
    public void Data_by_path_and_by_hash_exclude_each_other()
    {
        var yaml = $"data:\n  path: a.txt\n  sha256: {new string('a', 64)}\n  bytes: 1000\n";
        AssertRefused(yaml, 2, 3, "data.path names data to freeze and data.sha256 data already frozen; delete one of the two");
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var path = folder.File("nothing.yaml");
        Assert.Equal($"{path}: no such job file; name one with -f", Message(path));
    }

    [Fact]
    public void A_folder_is_no_job_file()
    {
        var error = Assert.Throws<ConfigurationException>(() => JobFile.Load(folder.Path, []));
        Assert.Equal(folder.Path, error.File);
    }

    [Fact]
    public void A_huge_file_is_no_job_file() =>
        Assert.Equal(
            $"{folder.File("big.yaml")}: 1048577 bytes are no job file; the most is 1048576",
            Message(folder.Write("big.yaml", new byte[(1 << 20) + 1])));

    [Fact]
    public void A_file_that_is_not_utf8_is_refused() =>
        Assert.Equal(
            $"{folder.File("x.yaml")}: the job file is not UTF-8; save it as text in UTF-8", Message(folder.Write("x.yaml", [0x61, 0xFF])));

    [Theory]
    [InlineData("--training.stepz=5", "--training.stepz is no known key; did you mean training.steps? " + TrainingKeys)]
    [InlineData("--steps=5", "--steps is no known key; did you mean training.steps? " + Sections)]
    [InlineData("--zebra=5", "--zebra is no known key; " + Sections)]
    [InlineData("--training.steps=many", "training.steps is 'many' but must be a whole number")]
    [InlineData("--training.steps=", "--training.steps has no value; write --training.steps=value")]
    [InlineData("--training.steps", "--training.steps has no value; write --training.steps=value")]
    [InlineData("--training.steps --training.seed=1", "--training.steps has no value; write --training.steps=value")]
    [InlineData("training.steps", "'training.steps' is no override; write --section.key=value, such as --training.steps=200")]
    [InlineData("--training.steps=0", "training.steps is 0 but must be 1 or more; raise training.steps")]
    public void A_bad_override_is_named(string overrides, string message)
    {
        var error = Assert.Throws<ConfigurationException>(() => JobFile.Load(null, overrides.Split(' ')));
        Assert.Equal(message, error.Message);
        Assert.Null(error.File);
    }

    private static string Message(string path) => Assert.Throws<ConfigurationException>(() => JobFile.Load(path, [])).Message;

    private void AssertRefused(string yaml, int line, int column, string message)
    {
        var path = folder.Write("job.yaml", yaml);
        var error = Assert.Throws<ConfigurationException>(() => JobFile.Load(path, []));
        Assert.Equal($"{path}:{line}:{column}: {message}", error.Message);
        Assert.Equal((path, line, column), (error.File, error.Line, error.Column));
    }
}
