using System.CommandLine;

namespace Coordinator.Cli.Commands;

/// <summary><c>--parent-pipe</c> of <c>silo</c> and <c>worker</c>; see <see cref="Server.Hosting.ParentPipe"/>.</summary>
public static class ParentOption
{
    /// <summary>The option; hidden, since it is of use to parents only.</summary>
    public static Option<bool> Create() => new("--parent-pipe")
    {
        Description = "End when standard input ends: whoever started this process is gone.",
        Hidden = true,
    };
}
