using System.CommandLine;
using System.Text;
using Coordinator.Cli.Paths;
using Coordinator.Runs.Models;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>generate</c>: text from a trained model.</summary>
public static class GenerateCommand
{
    private const int MostTokens = 1_000_000;

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var model = new PathOption(
            PathUse.Read, "--model", "-m")
        { Description = "The model file that train or demo left (safetensors).", Required = true };
        var prompt = new Option<string>("--prompt", "-p") { Description = "Text to go on from.", DefaultValueFactory = _ => "" };
        var tokens = new Option<int>("--tokens") { Description = $"Bytes to make, 0 to {MostTokens}.", DefaultValueFactory = _ => 400 };
        var temperature = new Option<double>("--temperature")
        {
            Description = "0 takes the likeliest byte each time; higher is bolder.",
            DefaultValueFactory = _ => 0.7,
        };
        var topK = new Option<int>("--top-k")
        {
            Description = "How many of the likeliest bytes to draw from; 0 for all.",
            DefaultValueFactory = _ => 40,
        };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Seed of the draws: the same seed gives the same text.",
            DefaultValueFactory = _ => 1,
        };
        var command = new Command("generate", "Continue a text with a trained model.") { model, prompt, tokens, temperature, topK, seed };
        Checks.InRange(tokens, 0, MostTokens);
        Checks.AtLeast(temperature, 0.0);
        Checks.AtLeast(topK, 0);
        command.SetAction(parsed =>
        {
            var trained = TrainedModel.Load(model.Full(parsed)!);
            var start = parsed.GetValue(prompt)!;
            var bytes = Encoding.UTF8.GetBytes(start);
            if (trained.WhyNoPrompt(bytes) is { } why)
            {
                throw new CommandException(
                    ExitCodes.Usage, $"No text can go on from the prompt: {why}.",
                    "Leave such characters out of --prompt, or name a model that was trained with a larger model.vocab.");
            }
            var made = trained.Continue(
                bytes, parsed.GetValue(tokens), parsed.GetValue(temperature), parsed.GetValue(topK), parsed.GetValue(seed));
            Console.Out.WriteLine(start + Readable.Text(made));
            return ExitCodes.Success;
        });
        return command;
    }
}
