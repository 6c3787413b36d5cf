using Coordinator.Programs;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>First values of all parameters: a function of the layout and the seed alone.</summary>
public static class ParameterInitializer
{
    /// <summary>Overwrites <paramref name="parameters"/>, [ParameterCount]. Tensor number t draws from its own stream.</summary>
    public static void Fill(ParameterLayout layout, ulong seed, Span<float> parameters)
    {
        for (var t = 0; t < layout.Tensors.Length; t++)
        {
            var tensor = layout.Tensors[t];
            var values = parameters.Slice(tensor.Offset, tensor.Length);
            if (tensor.Initial == FirstValues.Zeros) values.Clear();
            else if (tensor.Initial == FirstValues.Ones) values.Fill(1f);
            else new RandomStream(seed, RandomUse.Initialisation, (uint)t).FillNormal(values, tensor.Deviation);
        }
    }
}
