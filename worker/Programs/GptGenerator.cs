using Coordinator.Machines.Jobs;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>
/// Continues a text with a trained byte model. The same parameters, prompt, options and seed give the same text. Not thread-safe.
/// Each token runs the model over the last Block tokens again: nothing is cached.
/// </summary>
public sealed unsafe class GptGenerator : IDisposable
{
    private readonly ModelSpec model;
    private readonly IKernels kernels;
    private readonly GptModel gpt;

    /// <summary>A generator for models of one shape, whose vocabulary is 256 or less.</summary>
    /// <exception cref="ArgumentException">The vocabulary is no byte vocabulary.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the vector width.</exception>
    public GptGenerator(ModelSpec model, VectorWidth width = VectorWidth.Auto)
    {
        if (model.Vocab > 256)
            throw new ArgumentException($"The vocabulary is {model.Vocab}; text is generated from bytes, 256 at most.", nameof(model));
        this.model = model;
        kernels = KernelFactory.Create(width);
        gpt = new GptModel(model, 0, training: false, kernels);
    }

    /// <summary>The bytes that follow <paramref name="prompt"/>.</summary>
    /// <param name="parameters">In the order of the model's layout.</param>
    /// <param name="prompt">Text to go on from; empty stands for a line feed, or for the last symbol where the vocabulary has none.</param>
    /// <param name="count">Bytes to make.</param>
    /// <param name="temperature">Divides the logits; 0 takes the most likely byte each time.</param>
    /// <param name="topK">How many of the likeliest bytes are drawn from; 0 for all.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <exception cref="ArgumentException">A length or a value does not fit the model.</exception>
    public byte[] Generate(ReadOnlySpan<float> parameters, ReadOnlySpan<byte> prompt, int count, double temperature, int topK, ulong seed)
    {
        GptChecks.Parameters(model, parameters);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(topK);
        if (!(temperature >= 0)) throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "Choose 0 or more.");

        List<int> tokens = [];
        foreach (var symbol in prompt) tokens.Add(symbol);
        if (tokens.Count == 0) tokens.Add(Math.Min('\n', model.Vocab - 1));
        GptChecks.Tokens(model, tokens.ToArray());

        RandomStream random = new(seed, RandomUse.Generation, 0);
        var made = new byte[count];
        fixed (float* p = parameters)
        {
            for (var i = 0; i < count; i++)
            {
                int[] window = [.. tokens.Skip(Math.Max(0, tokens.Count - model.Block))];
                fixed (int* inputs = window) gpt.Forward(p, inputs, 1, window.Length, 0, CancellationToken.None);
                var token = Choose(gpt.LogitsOfRow(p, window.Length - 1), temperature, topK, random.Uniform((ulong)i));
                made[i] = (byte)token;
                tokens.Add(token);
            }
        }

        return made;
    }

    public void Dispose()
    {
        gpt.Dispose();
        kernels.Dispose();
    }

    // By rank (ties: the lower token first), so that the result is a function of the logits alone.
    private static int Choose(ReadOnlySpan<float> logits, double temperature, int topK, double uniform)
    {
        var values = logits.ToArray();
        int[] ranked = [.. Enumerable.Range(0, values.Length).OrderByDescending(token => values[token]).ThenBy(token => token)];
        if (temperature == 0) return ranked[0];

        var kept = topK == 0 ? ranked.Length : Math.Min(topK, ranked.Length);
        var weights = new double[kept];
        double total = 0;
        for (var i = 0; i < kept; i++)
        {
            weights[i] = DoubleMath.Exp(((double)values[ranked[i]] - values[ranked[0]]) / temperature);
            total += weights[i];
        }

        var left = uniform * total;
        for (var i = 0; i < kept; i++)
        {
            left -= weights[i];
            if (left <= 0) return ranked[i];
        }

        return ranked[kept - 1];
    }
}
