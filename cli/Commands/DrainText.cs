using System.Globalization;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary>What lists say of a drain, everywhere in the same words.</summary>
internal static class DrainText
{
    /// <summary>By whom, why, since when and until when; while it lasts, what each job waits for.</summary>
    public static string Of(DrainView drain) =>
        $"drained by {drain.By}: {drain.Reason} (since {Moment(drain.Since)}"
            + $"{(drain.Until is { } until ? $", until {Moment(until)}" : "")})"
            + string.Concat(drain.Jobs.Select(job => $"; {job.Job}: {job.Waits}"));

    /// <summary>A moment as UTC.</summary>
    public static string Moment(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
