using System.Text.Json.Nodes;
using Coordinator.Machines;

namespace Coordinator.Runs.Alerts;

/// <summary>An alert in words, and as JSON.</summary>
public static class AlertText
{
    private const int Most = 500;

    /// <summary>One line for people.</summary>
    public static string Line(Alert alert) => alert.IsOver
        ? $"over {alert.Rule.Name}: {PlainText.Line(alert.Text, Most)}"
        : $"ALERT {alert.Rule.Name}: {PlainText.Line(alert.Text, Most)}. {alert.Rule.Remedy} ({Page(alert)})";

    /// <summary>For programs.</summary>
    public static JsonObject Document(Alert alert) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Alert",
        ["state"] = alert.IsOver ? "over" : "firing",
        ["rule"] = alert.Rule.Name,
        ["subject"] = alert.Subject,
        ["text"] = PlainText.Line(alert.Text, Most),
        ["remedy"] = alert.Rule.Remedy,
        ["page"] = Page(alert),
        ["at"] = alert.At.UtcDateTime.ToString("O"),
    };

    private static string Page(Alert alert) => $"docs/alerts.md#{alert.Rule.Name}";
}
