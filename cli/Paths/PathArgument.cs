using System.CommandLine;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;

namespace Coordinator.Cli.Paths;

/// <summary>An argument that names a path; see <see cref="PathOption"/>.</summary>
public sealed class PathArgument : Argument<string>
{
    /// <summary>An argument.</summary>
    public PathArgument(PathUse use, string name)
        : base(name)
    {
        Use = use;
        Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (PathText.WhyNone($"The {Name}", token.Value) is { } why)
                    result.AddError(why);
            }
        });
    }

    /// <summary>What is done with the path.</summary>
    public PathUse Use { get; }

    /// <summary>The full path.</summary>
    /// <exception cref="CommandException">It is relative, and there is no current directory.</exception>
    public string Full(ParseResult parsed) => PathText.Full($"The {Name}", parsed.GetValue(this)!);
}
