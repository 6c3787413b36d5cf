using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
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

    /// <summary>Reads a model file.</summary>
    /// <exception cref="SafeTensorsException">The file is missing, damaged or no safetensors file.</exception>
    /// <exception cref="CommandException">The file is sound, but holds no model of this program.</exception>
    public static TrainedModel Load(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        var shape = ShapeOf(file.Metadata) ?? throw Foreign(path, "its metadata names no shape of a gpt model");
        var layout = GptProgram.LayoutOf(shape);
        var parameters = new float[layout.ParameterCount];
        foreach (var tensor in layout.Tensors)
        {
            if (!file.TryFind(tensor.Name, out var stored) || stored.Shape.Aggregate(1L, (product, axis) => product * axis) != tensor.Length)
                throw Foreign(path, $"it lacks the tensor {tensor.Name} of shape [{string.Join(", ", tensor.Shape)}]");
            file.Read(tensor.Name, parameters.AsSpan(tensor.Offset, tensor.Length));
        }

        return new TrainedModel(shape, parameters);
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

    private static ModelSpec? ShapeOf(IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            var shape = metadata.TryGetValue(ModelFile.SpecKey, out var text) ? JsonSerializer.Deserialize(text, MachinesJson.Default.ModelSpec) : null;
            return shape is { Program: "gpt", Vocab: <= 256 } && TrainingPrograms.WhyInvalid(new JobSpec { Model = shape }) is null ? shape : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static CommandException Foreign(string path, string why) => new(
        ExitCodes.Usage, $"{path} is no model that can generate text: {why}.", "Name a file that 'coordinator train' or 'coordinator demo' left, of the gpt program.");
}
