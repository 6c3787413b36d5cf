using System.Globalization;
using Coordinator.Machines.Jobs;

namespace Coordinator.Cli.Models;

/// <summary>A model's shape in the metadata of its file.</summary>
public static class ModelMetadata
{
    /// <summary>The shape of a <c>gpt</c> model; null where the metadata names none.</summary>
    public static ModelSpec? Read(IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.GetValueOrDefault("program") != "gpt")
            return null;
        var (layers, heads, channels, block, vocab) = (Number("layers"), Number("heads"), Number("channels"), Number("block"), Number("vocab"));
        if (layers is null || heads is null || channels is null || block is null || vocab is null || channels % heads != 0)
            return null;
        return new ModelSpec { Program = "gpt", Layers = layers.Value, Heads = heads.Value, Channels = channels.Value, Block = block.Value, Vocab = vocab.Value };

        int? Number(string key) =>
            int.TryParse(metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
    }
}
