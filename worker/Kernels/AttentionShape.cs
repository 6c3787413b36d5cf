namespace Coordinator.Worker.Kernels;

/// <summary>
/// Shape of causal attention over B sequences of T tokens with H heads of C / H channels.
/// Layouts: qkv [B, T, 3C] (q, then k, then v; each H heads side by side), probabilities [B, H, T, T], output [B, T, C].
/// </summary>
internal readonly record struct AttentionShape(int Batch, int Time, int Channels, int Heads)
{
    /// <summary>Channels of one head.</summary>
    public int HeadSize => Channels / Heads;
}
