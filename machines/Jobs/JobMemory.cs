using Coordinator.Machines.Jobs.Programs;

namespace Coordinator.Machines.Jobs;

/// <summary>
/// What a rank of a job takes on its device at the least: state, two gradients, and for gpt the activations of a micro-batch. No device
/// makes do with less, so what is more than a device has can be refused before anybody tries.
/// </summary>
public static class JobMemory
{
    /// <summary>More than any device has, bytes: 64 TiB.</summary>
    public const long Most = 1L << 46;

    // A parameter, its two moments, and two gradients.
    private const int ElementsOfParameter = 5;

    /// <summary>Bytes that a rank needs at the least; <see cref="long.MaxValue"/> where they are more than can be counted.</summary>
    public static long LeastBytes(JobSpec spec) => Count(ProgramKinds.Find(spec.Model.Program)?.LeastElements(spec) ?? 0);

    /// <summary>
    /// The same where the program has said meanwhile how many parameters it has, which the spec of a team's own does not.
    /// </summary>
    public static long LeastBytes(JobSpec spec, long parameters) =>
        Math.Max(LeastBytes(spec), Count((double)ElementsOfParameter * parameters));

    private static long Count(double floats) => floats * sizeof(float) < long.MaxValue ? (long)(floats * sizeof(float)) : long.MaxValue;

    /// <summary>Bytes for people: GiB, or TiB where they are many.</summary>
    public static string Text(long bytes) => bytes < 1L << 42
        ? FormattableString.Invariant(
            $"{bytes / (double)(1L << 30):0.#} GiB") : FormattableString.Invariant($"{bytes / (double)(1L << 40):0} TiB");
}
