using System.CommandLine;
using Coordinator.Configuration;

namespace Coordinator.Cli.Commands;

/// <summary>Options that are durations: each is refused in the same words where it is none, or out of range.</summary>
internal static class DurationOption
{
    /// <summary>Refuses what is no duration of 0 to <paramref name="most"/>.</summary>
    public static void Guard(Option<string?> option, TimeSpan most) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 0)
            return;
        if (!DurationText.TryParse(result.Tokens[0].Value, out var time))
            result.AddError($"{option.Name} is '{result.Tokens[0].Value}', which is no duration; write one such as 10s or 5m.");
        else if (time < TimeSpan.Zero || time > most)
            result.AddError($"{option.Name} is {result.Tokens[0].Value}; choose 0s to {DurationText.Format(most)}.");
    });

    /// <summary>The duration of an option that was guarded; null: it was not given.</summary>
    public static TimeSpan? Of(string? given) => given is not null && DurationText.TryParse(given, out var time) ? time : null;
}
