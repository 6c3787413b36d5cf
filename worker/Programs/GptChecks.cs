using Coordinator.Machines.Jobs;

namespace Coordinator.Worker.Programs;

/// <summary>Checks of arguments before kernels index memory by them.</summary>
internal static class GptChecks
{
    public static void Parameters(ModelSpec model, ReadOnlySpan<float> parameters)
    {
        var needed = JobSpecValidator.CountParameters(model);
        if (parameters.Length != needed)
            throw new ArgumentException($"There are {parameters.Length} parameters; the model has {needed}.", nameof(parameters));
    }

    public static void Tokens(ModelSpec model, ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)model.Vocab)
                throw new ArgumentException($"Token {token} lies outside the vocabulary of {model.Vocab}.", nameof(tokens));
        }
    }
}
