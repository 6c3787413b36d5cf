namespace Coordinator.Configuration;

/// <summary>
/// Reads dotted overrides from a command line: <c>--training.steps=200</c>, <c>--training.steps 200</c> or <c>training.steps=200</c>.
/// </summary>
internal static class OverrideSettings
{
    /// <exception cref="ConfigurationException">Something that is no override, or one without a value or of an unknown key.</exception>
    public static IReadOnlyList<Setting> Read(IEnumerable<string> overrides)
    {
        var settings = new List<Setting>();
        string? waiting = null;
        foreach (var word in overrides)
        {
            if (waiting is not null && !word.StartsWith("--", StringComparison.Ordinal))
            {
                settings.Add(Create(waiting, word));
                waiting = null;
                continue;
            }

            RefuseWaiting(waiting);
            waiting = null;
            var key = word.StartsWith("--", StringComparison.Ordinal) ? word[2..] : word;
            var equals = key.IndexOf('=', StringComparison.Ordinal);
            if (equals >= 0)
            {
                settings.Add(Create(key[..equals], key[(equals + 1)..]));
            }
            else if (key.Length < word.Length)
            {
                waiting = Known(key);
            }
            else
            {
                throw new ConfigurationException(
                    $"'{YamlText.Shown(word)}' is no override; write --section.key=value, such as --training.steps=200");
            }
        }

        RefuseWaiting(waiting);
        return settings;
    }

    private static Setting Create(string key, string value)
    {
        if (value.Length == 0)
            RefuseWaiting(Known(key));

        return new Setting(Known(key), value, default, default);
    }

    private static string Known(string key) =>
        JobKeys.IsKnown(key) ? key : throw new ConfigurationException("--" + KeySuggestion.UnknownKey(key));

    private static void RefuseWaiting(string? key)
    {
        if (key is not null)
            throw new ConfigurationException($"--{key} has no value; write --{key}=value");
    }
}
