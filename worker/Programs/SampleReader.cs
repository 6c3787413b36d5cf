using Coordinator.Programs;
using Coordinator.Worker.Data;

namespace Coordinator.Worker.Programs;

/// <summary>A few samples in a row, as their program wants them: what its next pass is given. Serves one thread.</summary>
/// <param name="wanted">What the program wants.</param>
/// <param name="columns">Numbers in a row; 0 where there are none.</param>
/// <param name="source">Where they come from; null where the program makes its own.</param>
internal sealed class SampleReader(Samples wanted, int columns, ISampleSource? source)
{
    private readonly ISampleSource? source = wanted.Kind == SampleKind.None ? null
        : source ?? throw new ArgumentNullException(nameof(source));
    private float[] rows = [];
    private int[] tokens = [];
    private int count;

    /// <summary>Numbers or tokens of one sample.</summary>
    public int Width => wanted.Kind == SampleKind.Rows ? columns : wanted.Tokens;

    /// <summary>[count, columns] of what was read last; empty where the program wants no rows.</summary>
    public ReadOnlySpan<float> Rows => rows.AsSpan(0, wanted.Kind == SampleKind.Rows ? count * columns : 0);

    /// <summary>[count, length] of what was read last; empty where the program wants no windows.</summary>
    public ReadOnlySpan<int> Tokens => tokens.AsSpan(0, count * wanted.Tokens);

    /// <summary>Reads samples first to first + count - 1.</summary>
    public void Read(long first, int count)
    {
        this.count = count;
        var needed = checked(count * Width);
        if (wanted.Kind == SampleKind.Rows)
        {
            if (rows.Length < needed) rows = new float[needed];
            for (var s = 0; s < count; s++) source!.ReadRow(first + s, rows.AsSpan(s * Width, Width));
        }
        else if (wanted.Kind == SampleKind.Windows)
        {
            if (tokens.Length < needed) tokens = new int[needed];
            for (var s = 0; s < count; s++) source!.ReadSample(first + s, tokens.AsSpan(s * Width, Width));
        }
    }
}
