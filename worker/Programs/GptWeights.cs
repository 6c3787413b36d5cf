namespace Coordinator.Worker.Programs;

/// <summary>Offsets of a GPT's tensors in the flat array, and so the places of their gradients too.</summary>
internal sealed class GptWeights
{
    public GptWeights(ParameterLayout layout, int layers)
    {
        TokenEmbedding = layout["transformer.wte.weight"].Offset;
        PositionEmbedding = layout["transformer.wpe.weight"].Offset;
        FinalNorm = layout["transformer.ln_f.weight"].Offset;
        FinalNormBias = layout["transformer.ln_f.bias"].Offset;
        Layers = new Layer[layers];
        for (var i = 0; i < layers; i++)
        {
            int At(string name) => layout[$"transformer.h.{i}.{name}"].Offset;
            Layers[i] = new Layer(
                At("ln_1.weight"), At("ln_1.bias"), At("attn.c_attn.weight"), At("attn.c_attn.bias"), At("attn.c_proj.weight"),
                At("attn.c_proj.bias"),
                At("ln_2.weight"),
                At("ln_2.bias"),
                At("mlp.c_fc.weight"),
                At("mlp.c_fc.bias"),
                At("mlp.c_proj.weight"),
                At("mlp.c_proj.bias"));
        }
    }

    /// <summary>[V, C]</summary>
    public int TokenEmbedding { get; }

    /// <summary>[T, C]</summary>
    public int PositionEmbedding { get; }

    /// <summary>[C]</summary>
    public int FinalNorm { get; }

    /// <summary>[C]</summary>
    public int FinalNormBias { get; }

    public Layer[] Layers { get; }

    /// <summary>One block: norms [C], attention [C, 3C] and [C, C], feed-forward [C, 4C] and [4C, C], a bias for each.</summary>
    public sealed record Layer(
        int Norm1, int Norm1Bias, int Attention, int AttentionBias, int Projection, int ProjectionBias,
        int Norm2, int Norm2Bias, int Expand, int ExpandBias, int Contract, int ContractBias);
}
