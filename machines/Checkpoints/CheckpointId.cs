using System.Globalization;
using System.Text.RegularExpressions;

namespace Coordinator.Machines;

/// <summary>
/// Names a checkpoint of a job: the state after <paramref name="Step"/> on <paramref name="Timeline"/>, saved by the members of
/// <paramref name="Generation"/>. Ordered by (timeline, step, generation): the last is the newest.
/// </summary>
public readonly partial record struct CheckpointId(int Timeline, long Step, long Generation) : IComparable<CheckpointId>
{
    /// <summary>The name of its folder, such as <c>step-000000150.t0.g3</c>: folders of one timeline sort by step.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"step-{Step:D9}.t{Timeline}.g{Generation}");

    /// <inheritdoc/>
    public int CompareTo(CheckpointId other) => (Timeline, Step, Generation).CompareTo((other.Timeline, other.Step, other.Generation));

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Reads a folder's name; null where it is none of a checkpoint.</summary>
    public static CheckpointId? TryParse(string name)
    {
        var match = NamePattern().Match(name);
        if (!match.Success
            || !long.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            || !int.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var timeline)
            || !long.TryParse(match.Groups[3].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var generation))
        {
            return null;
        }
        var id = new CheckpointId(timeline, step, generation);

        // Leading zeros and the like: one checkpoint has one name.
        return id.Name == name ? id : null;
    }

    [GeneratedRegex(@"^step-([0-9]{9,19})\.t([0-9]{1,10})\.g([0-9]{1,19})\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
