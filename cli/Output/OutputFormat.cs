namespace Coordinator.Cli.Output;

/// <summary>How a command prints what it found: <c>-o</c>.</summary>
public enum OutputFormat
{
    /// <summary>Aligned columns; the most useful ones.</summary>
    Table,

    /// <summary>Aligned columns; all of them.</summary>
    Wide,

    /// <summary>JSON with an <c>apiVersion</c>, for programs.</summary>
    Json,

    /// <summary>The same as YAML.</summary>
    Yaml,
}
