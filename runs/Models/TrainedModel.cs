using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Runs.Models;

/// <summary>A trained <c>gpt</c> model read from its file: shape from the metadata, parameters in the program's order.</summary>
public sealed class TrainedModel
{
    private readonly float[] parameters;

    private TrainedModel(ModelSpec shape, float[] parameters)
    {
        Shape = shape;
        this.parameters = parameters;
    }

    /// <summary>Its shape.</summary>
    public ModelSpec Shape { get; }

    /// <summary>Reads a model file. Every tensor's name, shape and type is compared with the model's before any of them is read.</summary>
    /// <exception cref="SafeTensorsException">The file is missing, damaged or no safetensors file.</exception>
    /// <exception cref="CommandException">The file is sound, but holds no model of this program.</exception>
    public static TrainedModel Load(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        var shape = ShapeOf(path, file.Metadata);
        var layout = GptProgram.LayoutOf(shape);
        if (InitialWeights.WhyUnfit(file.Tensors, layout, anyFloat: true) is { } why)
            throw Foreign(path, why);
        var parameters = new float[layout.ParameterCount];
        foreach (var tensor in layout.Tensors)
        {
            var part = parameters.AsSpan(tensor.Offset, tensor.Length);
            file.ReadFloats(tensor.Name, part);
            if (!IsFinite(part))
            {
                throw new CommandException(
                    ExitCodes.Usage,
                        $"{path} holds numbers that are not finite (in the tensor {tensor.Name}): its training ran away, and it can make "
                            + $"no text.",
                    "Train again with a lower optimizer.learning_rate, or name a model that was saved before that.");
            }
        }

        return new TrainedModel(shape, parameters);
    }

    /// <summary>Why no text can go on from a prompt: it has a byte that the model does not know; null: one can.</summary>
    public string? WhyNoPrompt(ReadOnlySpan<byte> prompt)
    {
        for (var at = 0; at < prompt.Length; at++)
        {
            if (prompt[at] >= Shape.Vocab)
                return $"its byte {at} is {prompt[at]}, and the model knows the bytes 0 to {Shape.Vocab - 1}";
        }

        return null;
    }

    /// <summary>The bytes that follow a prompt; see <see cref="GptGenerator.Generate"/>.</summary>
    public byte[] Continue(ReadOnlySpan<byte> prompt, int count, double temperature, int topK, ulong seed)
    {
        using var generator = new GptGenerator(Shape);
        return generator.Generate(parameters, prompt, count, temperature, topK, seed);
    }

    /// <summary>Mean cross-entropy in nats a byte over a whole text; see <see cref="GptEvaluator.MeanLossOver"/>.</summary>
    public double MeanLoss(ReadOnlySpan<byte> text)
    {
        var tokens = new int[text.Length];
        for (var i = 0; i < tokens.Length; i++)
            tokens[i] = text[i];
        using var evaluator = new GptEvaluator(Shape);
        return evaluator.MeanLossOver(parameters, tokens);
    }

    private static bool IsFinite(ReadOnlySpan<float> numbers)
    {
        foreach (var number in numbers)
        {
            if (!float.IsFinite(number))
                return false;
        }

        return true;
    }

    private static ModelSpec ShapeOf(string path, IReadOnlyDictionary<string, string> metadata)
    {
        ModelSpec? shape = null;
        try
        {
            shape = metadata.TryGetValue(ModelFile.SpecKey, out var text)
                ? Contracts.Read<ModelSpec>(text)
                : null;
        }
        catch (JsonException)
        {
            // Metadata that nobody here has written.
        }

        return shape switch
        {
            null or { Program: null } => throw Foreign(path, "its metadata names no shape of a gpt model"),
            _ when ProgramKinds.Find(shape.Program) is not { WritesText: true } => throw Foreign(path,
                $"it is a model of the program '{PlainText.Line(shape.Program, 60)}'"),
            { Vocab: > 256 } =>
                throw Foreign(
                    path, $"its vocabulary is {shape.Vocab} tokens, and only models of bytes (256 at most) can be turned into text here"),
            _ when TrainingPrograms.WhyInvalid(new JobSpec { Model = shape }) is { } why =>
                throw Foreign(path, $"the shape in its metadata cannot be: {why}"),
            _ => shape,
        };
    }

    private static CommandException Foreign(string path, string why) => new(
        ExitCodes.Usage,
        $"{path} is no model that can generate text: {why}.",
        "Name a file that 'coordinator train' or 'coordinator demo' left, of the gpt program.");
}
