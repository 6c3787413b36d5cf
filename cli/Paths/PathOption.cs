using System.CommandLine;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;

namespace Coordinator.Cli.Paths;

/// <summary>
/// An option that names a path. All of them are of this class, so that a text which can be no path is refused when the command line is
/// read, and so that one test holds every one of them to what it must say about hostile paths.
/// </summary>
public sealed class PathOption : Option<string?>
{
    /// <summary>An option.</summary>
    public PathOption(PathUse use, string name, params string[] aliases)
        : base(name, aliases)
    {
        Use = use;
        Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (PathText.WhyNone(Name, token.Value) is { } why)
                    result.AddError(why);
            }
        });
    }

    /// <summary>What is done with the path.</summary>
    public PathUse Use { get; }

    /// <summary>The full path; null where none is given.</summary>
    /// <exception cref="CommandException">It is relative, and there is no current directory.</exception>
    public string? Full(ParseResult parsed) => parsed.GetValue(this) is { } text ? PathText.Full(Name, text) : null;

    /// <summary>The file to write, looked at; null where none is given.</summary>
    /// <exception cref="CommandException">No file can be written there.</exception>
    public OutputPath? Output(ParseResult parsed) => parsed.GetValue(this) is { } text ? OutputPath.Look(Name, text) : null;

    /// <summary>The folder, made and found to be writable; null where none is given.</summary>
    /// <exception cref="CommandException">It cannot be made, or not be written.</exception>
    public string? Folder(ParseResult parsed) => parsed.GetValue(this) is { } text ? FolderPath.Make(Name, text) : null;
}
