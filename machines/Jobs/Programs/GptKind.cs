using System.Numerics;
using static Coordinator.Machines.Jobs.JobSpecProblems;

namespace Coordinator.Machines.Jobs.Programs;

/// <summary>GPT-2's architecture over frozen tokens.</summary>
internal sealed class GptKind : ProgramKind
{
    public override string Name => "gpt";

    public override bool ReadsTokens => true;

    public override bool WritesText => true;

    public override BigInteger? CountParameters(ModelSpec model)
    {
        BigInteger channels = model.Channels;

        // Per layer: 12 C^2 weights of attention and MLP, 13 C biases and norms.
        return ((model.Vocab + (BigInteger)model.Block) * channels) + (
            model.Layers * ((12 * channels * channels) + (13 * channels))) + (2 * channels);
    }

    internal override double LeastElements(JobSpec spec)
    {
        var (model, training) = (spec.Model, spec.Training);
        double channels = model.Channels, block = model.Block, layers = model.Layers, heads = model.Heads, vocab = model.Vocab;
        var parameters = ((vocab + block) * channels) + (layers * ((12 * channels * channels) + (13 * channels))) + (2 * channels);
        var sequences = Math.Min(training.MicroBatch, Math.Ceiling((double)training.BatchSize / Math.Max(1, training.Shards)));
        var rows = sequences * block;

        // Of each layer, as the backward pass wants it: eight times the stream, the wide layer twice, and attention's probabilities.
        var activations = (layers * ((16 * rows * channels) + (heads * rows * block))) + (rows * vocab);
        return (5 * parameters) + activations;
    }

    internal override void CheckModel(JobSpecProblems problems, JobSpec spec)
    {
        var model = spec.Model;
        problems.AtLeast("model.channels", model.Channels, 1);
        problems.AtLeast("model.layers", model.Layers, 1);
        problems.AtLeast("model.heads", model.Heads, 1);
        problems.AtLeast("model.block", model.Block, 1);
        problems.Between("model.vocab", model.Vocab, 2, JobSpecValidator.MostVocab);
        if (!(model.Dropout >= 0 && model.Dropout < 1))
            problems.Add("model.dropout", Text(model.Dropout), "0 or more and below 1", "set model.dropout to 0 to turn it off");

        if (model.Channels >= 1 && model.Heads >= 1 && model.Channels % model.Heads != 0)
        {
            problems.Add(
                "model.heads",
                Text(model.Heads),
                $"a divisor of model.channels, {Text(model.Channels)}",
                $"set model.channels to {Text(((long)model.Channels / model.Heads + 1) * model.Heads)} or change model.heads");
        }

        CheckParameterCount(problems, model, "lower model.channels, model.layers, model.vocab or model.block");
    }

    // A shard's samples are computed together as far as training.micro_batch lets them be.
    internal override void CheckPass(JobSpecProblems problems, JobSpec spec)
    {
        var (training, block) = (spec.Training, spec.Model.Block);
        if (block < 1 || training.Shards < 1)
            return;
        var ofShard = ((long)training.BatchSize + training.Shards - 1) / training.Shards;
        if (Math.Min(training.MicroBatch, ofShard) > JobSpecValidator.MostTokensOfPass / block)
        {
            problems.Add(
                "training.micro_batch",
                Text(training.MicroBatch),
                $"at most {Text(JobSpecValidator.MostTokensOfPass / block)}, so that a pass has no more than "
                    + $"{Text(JobSpecValidator.MostTokensOfPass)} tokens with model.block {Text(block)}",
                "lower training.micro_batch");
        }
    }

    internal override JobSpecProblem? MissingFile(JobSpec spec) => spec.Data.Sha256.Length > 0
        ? null
        : new JobSpecProblem(
            "data.sha256", "empty", "the hash of a frozen data set, which the program gpt reads",
            "submit with 'coordinator train --data', or upload the data with PUT /api/v1/data/HASH and name the hash");

    internal override void CheckData(JobSpecProblems problems, JobSpec spec, int bytesPerToken)
    {
        var (block, bytes) = (spec.Model.Block, spec.Data.Bytes);
        if (block >= 1 && bytes / bytesPerToken <= block)
        {
            var needed = (block + 1L) * bytesPerToken;
            problems.Add(
                "data.bytes",
                Text(bytes),
                $"at least {Text(needed)}, one sample of model.block + 1 tokens",
                "give longer data or lower model.block");
        }
    }
}
