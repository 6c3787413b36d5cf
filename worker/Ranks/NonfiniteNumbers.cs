using System.Runtime.InteropServices;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// Counts parameters that are infinite or no number. A step's loss is of the parameters before it, so what the last update makes of them no
/// loss shows, and neither does that of the step whose state is saved. Moments and buffers are not looked at: a program may have an
/// infinite mask among them.
/// </summary>
/// <param name="device">The device whose state it is.</param>
internal sealed class NonfiniteNumbers(IRankDevice device)
{
    private readonly IReadOnlyList<ModelTensor> parameters = device.Trained
        ?? [new ModelTensor("parameters", [device.ParameterCount], 0)];

    /// <summary>Counts those that begin in a piece of the state.</summary>
    /// <param name="offset">The piece's first element of four bytes, of the whole state.</param>
    /// <param name="piece">The piece.</param>
    public long Count(long offset, ReadOnlySpan<float> piece)
    {
        var count = 0L;
        foreach (var tensor in parameters)
        {
            var bytes = tensor.Length * tensor.Dtype.Bytes();
            var words = (bytes + sizeof(float) - 1) / sizeof(float);
            var from = Math.Max(offset, tensor.Offset);
            var to = Math.Min(offset + piece.Length, tensor.Offset + words);
            if (from >= to)
                continue;
            var part = piece[(int)(from - offset)..(int)(to - offset)];
            count += CountIn(tensor, from - tensor.Offset, MemoryMarshal.Cast<float, uint>(part));
        }

        return count;
    }

    /// <summary>An exponent of ones is infinity or no number; of a double it lies in the second word.</summary>
    private static long CountIn(ModelTensor tensor, long firstWord, ReadOnlySpan<uint> words)
    {
        var count = 0L;
        switch (tensor.Dtype)
        {
            case SafeTensorsDtype.F32:
                foreach (var word in words)
                    count += (word & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0;
                break;
            case SafeTensorsDtype.F64:
                for (var index = 0; index < words.Length; index++)
                    count += ((firstWord + index) & 1) == 1 && (words[index] & 0x7FF0_0000) == 0x7FF0_0000 ? 1 : 0;
                break;
            case SafeTensorsDtype.BF16:
                count = CountHalves(tensor, firstWord, words, 0x7F80);
                break;
            case SafeTensorsDtype.F16:
                count = CountHalves(tensor, firstWord, words, 0x7C00);
                break;
        }

        return count;
    }

    /// <summary>What lies behind the last element of a tensor of an odd length is nobody's.</summary>
    private static long CountHalves(ModelTensor tensor, long firstWord, ReadOnlySpan<uint> words, uint exponent)
    {
        var count = 0L;
        for (var index = 0; index < words.Length; index++)
        {
            var element = 2 * (firstWord + index);
            count += (words[index] & exponent) == exponent ? 1 : 0;
            count += element + 1 < tensor.Length && ((words[index] >> 16) & exponent) == exponent ? 1 : 0;
        }

        return count;
    }
}
