using Coordinator.Machines.Jobs;

namespace Coordinator.Worker.Programs;

/// <summary>The built-in training programs.</summary>
public static class TrainingPrograms
{
    /// <summary>The program that <paramref name="spec"/> names, for its shape.</summary>
    /// <exception cref="InvalidJobException">A value of the specification is out of range.</exception>
    public static ITrainingProgram Create(JobSpec spec)
    {
        if (WhyInvalid(spec) is { } reason) throw new InvalidJobException(reason);
        return spec.Model.Program == "linear" ? new LinearProgram(spec) : new GptProgram(spec);
    }

    /// <summary>What keeps <paramref name="spec"/>'s program from being computed, naming the value and the remedy; null when nothing does.</summary>
    public static string? WhyInvalid(JobSpec spec) =>
        WhyInvalid(spec.Model) ?? WhyInvalid(spec.Training) ?? WhyInvalid(spec.Optimizer);

    private static string? WhyInvalid(ModelSpec model)
    {
        if (model.Program == "linear") return Below(model.Channels, 1, "model channels (the number of inputs)");
        if (model.Program != "gpt") return $"The program is '{model.Program}'; choose 'gpt' or 'linear'.";
        return Below(model.Layers, 1, "model layers") ?? Below(model.Heads, 1, "model heads")
            ?? Below(model.Channels, 1, "model channels") ?? Below(model.Block, 1, "model block")
            ?? (model.Channels % model.Heads == 0 ? null
                : $"The model's {model.Channels} channels cannot be divided among {model.Heads} heads; choose channels that are a multiple of heads.")
            ?? (model.Vocab is >= 2 and <= 65536 ? null : $"The vocabulary is {model.Vocab}; choose 2 to 65536, and 256 for bytes.")
            ?? (model.Dropout is >= 0 and < 1 ? null : $"Dropout is {model.Dropout}; choose 0 to less than 1.")
            ?? (GptProgram.CountParameters(model) is var count && count <= int.MaxValue / 3 ? null
                : $"The model has {count} parameters; this version holds at most {int.MaxValue / 3}. Choose fewer layers or channels.");
    }

    private static string? WhyInvalid(TrainingSpec training) =>
        Below(training.Steps, 1, "number of steps") ?? Below(training.BatchSize, 1, "batch size") ?? Below(training.MicroBatch, 1, "micro-batch")
        ?? (training.Shards >= 4 && (training.Shards & (training.Shards - 1)) == 0 ? null
            : $"The number of shards is {training.Shards}; choose a power of two, at least 4.");

    private static string? WhyInvalid(OptimizerSpec optimizer) =>
        (optimizer.LearningRate > 0 && double.IsFinite(optimizer.LearningRate) ? null
            : $"The learning rate is {optimizer.LearningRate}; choose a positive number such as 0.001.")
        ?? (optimizer.MinLearningRate >= 0 && optimizer.MinLearningRate <= optimizer.LearningRate ? null
            : $"The least learning rate is {optimizer.MinLearningRate}; choose 0 to the learning rate, {optimizer.LearningRate}.")
        ?? (optimizer.WarmupSteps >= 0 ? null : $"The warm-up is {optimizer.WarmupSteps} steps; choose 0 or more.")
        ?? (optimizer.Beta1 is >= 0 and < 1 ? null : $"Beta1 is {optimizer.Beta1}; choose 0 to less than 1.")
        ?? (optimizer.Beta2 is >= 0 and < 1 ? null : $"Beta2 is {optimizer.Beta2}; choose 0 to less than 1.")
        ?? (optimizer.Epsilon > 0 && (float)optimizer.Epsilon > 0 ? null : $"Epsilon is {optimizer.Epsilon}; choose a positive number such as 1e-8.")
        ?? (optimizer.WeightDecay >= 0 && double.IsFinite(optimizer.WeightDecay) ? null
            : $"The weight decay is {optimizer.WeightDecay}; choose 0 or more.")
        ?? (optimizer.GradientClip >= 0 ? null : $"The gradient clip is {optimizer.GradientClip}; choose a positive norm, or 0 for none.");

    private static string? Below(long value, long least, string what) =>
        value >= least ? null : $"The {what} is {value}; choose {least} or more.";
}
