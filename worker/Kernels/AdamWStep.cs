namespace Coordinator.Worker.Kernels;

/// <summary>
/// The scalars of one AdamW step (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019), in float32:
/// g = scale * gradient; m = m + (1 - beta1)(g - m); v = beta2 v + (1 - beta2) g^2;
/// p = decay * p - stepSize * m / (sqrt(v) * rootCorrection + epsilon).
/// </summary>
/// <param name="Scale">1 / targets, times the clipping factor.</param>
/// <param name="OneMinusBeta1">1 - beta1.</param>
/// <param name="Beta2">beta2.</param>
/// <param name="OneMinusBeta2">1 - beta2.</param>
/// <param name="StepSize">Learning rate over 1 - beta1^s.</param>
/// <param name="RootCorrection">1 / sqrt(1 - beta2^s).</param>
/// <param name="Epsilon">Added to the corrected root.</param>
/// <param name="Decay">1 - learning rate * weight decay, or 1 for tensors that do not decay.</param>
internal readonly record struct AdamWStep(
    float Scale, float OneMinusBeta1, float Beta2, float OneMinusBeta2, float StepSize, float RootCorrection, float Epsilon, float Decay);
