namespace Coordinator.Bench.Ilgpu;

/// <summary>Options of the form <c>--name value</c>.</summary>
internal static class Options
{
    public static string? Value(string[] args, string name) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;

    public static int Number(string[] args, string name, int otherwise) => Value(args, name) is { } text ? int.Parse(text) : otherwise;
}
