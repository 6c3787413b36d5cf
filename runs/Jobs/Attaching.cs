using Coordinator.Machines;
using Coordinator.Runs.Clusters;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// How to look at a run from another terminal: lines that can be pasted, each short enough that no terminal breaks it in the middle of a
/// path.
/// </summary>
public static class Attaching
{
    /// <summary>The lines.</summary>
    public static IReadOnlyList<string> Lines(LocalCluster cluster, RunDirectory directory) =>
    [
        $"logs: {PlainText.Line(directory.Path)}",
        "attach from another terminal:",
        $"export {ConnectionVariables.Silo}={ShellWord.Of(cluster.Url)}",
        $"export {ConnectionVariables.TokenFile}={ShellWord.Of(cluster.TokenFile)}",
        "coordinator status",
    ];
}
