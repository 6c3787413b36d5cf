using System.CommandLine;
using System.Text.Json;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Server.Api;

namespace Coordinator.Cli.Commands;

/// <summary><c>gpus mark</c>: operators know more than errors tell.</summary>
internal static class MarkCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var gpu = new Argument<string>("gpu") { Description = "The gpu, as NODE/INDEX." };
        var health = new Argument<string>("health") { Description = "bad: it gets no work until it is marked good. good: it may work." };
        var reason = new Option<string>("--reason") { Description = "Why, in a line: events and lists say it.", Required = true };
        var person = DrainCommand.PersonOption();
        health.AcceptOnlyFromAmong("bad", "good");
        gpu.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !IsGpu(token.Value))
                result.AddError($"'{PlainText.Line(token.Value, 100)}' is no gpu; write NODE/INDEX, such as node-1/0.");
        });
        return QueryCommand.Create(
            "mark",
            "Take a gpu out of service, or give it back. Its job goes on without it at the end of a step.",
            [gpu, health, reason, person],
            async (client, parsed, cancel) =>
            {
                var view = await client.MarkGpuAsync(
                    GpuId.Parse(parsed.GetValue(gpu)!),
                    new MarkRequest
                    {
                        Health = parsed.GetValue(health),
                        Reason = parsed.GetValue(reason),
                        By = parsed.GetValue(person) ?? Environment.UserName,
                    },
                    cancel);
                return new Listing(
                    "Gpu",
                    JsonSerializer.SerializeToNode(view, MachinesJson.Default.GpuView)!,
                    [new("GPU"), new("HEALTH"), new("REASON")],
                    [[view.Id.ToString(), view.Health, view.Reason.Length > 0 ? view.Reason : "-"]]);
            });
    }

    private static bool IsGpu(string text)
    {
        try
        {
            return GpuId.Parse(text).ToString() == text;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
