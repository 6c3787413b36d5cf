using System.CommandLine;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary>Options that take labels of nodes, each as <c>key=value</c>, and refuse what is none.</summary>
internal static class LabelOption
{
    /// <summary>The option, which may be repeated.</summary>
    public static Option<string[]> Create(string description)
    {
        var option = new Option<string[]>("--label") { Description = description };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (NodeLabels.Problem(token.Value) is { } problem)
                    result.AddError($"--label is '{PlainText.Line(token.Value, 100)}': {problem}.");
            }

            var keys = result.Tokens.Select(token => token.Value.Split('=')[0]).GroupBy(key => key);
            if (keys.FirstOrDefault(key => key.Count() > 1) is { } twice)
                result.AddError($"--label names {PlainText.Line(twice.Key, 100)} more than once; a node has one value of it.");
        });
        return option;
    }
}
