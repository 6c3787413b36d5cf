using Coordinator.Machines.Jobs;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>Loss of a GPT without gradients or dropout, for validation. Not thread-safe.</summary>
public sealed unsafe class GptEvaluator : IDisposable
{
    private readonly ModelSpec model;
    private readonly IKernels kernels;
    private readonly GptModel gpt;

    /// <summary>An evaluator for models of one shape.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the vector width.</exception>
    public GptEvaluator(ModelSpec model, VectorWidth width = VectorWidth.Auto)
    {
        this.model = model;
        kernels = KernelFactory.Create(width);
        gpt = new GptModel(model, 0, training: false, kernels);
    }

    /// <summary>Mean cross-entropy in nats a token over windows of Block + 1 tokens, laid end to end; windows in rising order.</summary>
    /// <param name="parameters">In the order of the model's layout.</param>
    /// <param name="windows">[windows, Block + 1], each token below the vocabulary.</param>
    /// <exception cref="ArgumentException">A length does not fit the model.</exception>
    public double MeanLoss(ReadOnlySpan<float> parameters, ReadOnlySpan<int> windows)
    {
        int time = model.Block, window = time + 1;
        GptChecks.Parameters(model, parameters);
        if (windows.Length == 0 || windows.Length % window != 0)
            throw new ArgumentException($"There are {windows.Length} tokens; whole windows of {window} are needed.", nameof(windows));

        double loss = 0;
        fixed (float* p = parameters)
        fixed (int* tokens = windows)
        {
            for (var start = 0; start < windows.Length; start += window)
            {
                GptChecks.Tokens(model, windows.Slice(start, window));
                gpt.Forward(p, tokens + start, 1, time, 0, CancellationToken.None);
                loss += gpt.Loss(p, tokens + start + 1, time);
            }
        }

        return loss / ((long)(windows.Length / window) * time);
    }

    /// <summary>
    /// Mean cross-entropy in nats a token over a text: every token but the first is a target once, in windows of Block targets laid
    /// end to end, each with the token before as its first input; the last window is as short as what is left.
    /// </summary>
    /// <param name="parameters">In the order of the model's layout.</param>
    /// <param name="text">At least two tokens, each below the vocabulary.</param>
    /// <exception cref="ArgumentException">A length does not fit the model, or a token its vocabulary.</exception>
    public double MeanLossOver(ReadOnlySpan<float> parameters, ReadOnlySpan<int> text)
    {
        GptChecks.Parameters(model, parameters);
        GptChecks.Tokens(model, text);
        if (text.Length < 2)
            throw new ArgumentException($"There are {text.Length} tokens; at least 2 are needed, an input and a target.", nameof(text));
        double loss = 0;
        fixed (float* p = parameters)
        fixed (int* tokens = text)
        {
            for (var start = 0; start < text.Length - 1; start += model.Block)
            {
                var time = Math.Min(model.Block, text.Length - 1 - start);
                gpt.Forward(p, tokens + start, 1, time, 0, CancellationToken.None);
                loss += gpt.Loss(p, tokens + start + 1, time);
            }
        }

        return loss / (text.Length - 1);
    }

    public void Dispose()
    {
        gpt.Dispose();
        kernels.Dispose();
    }
}
