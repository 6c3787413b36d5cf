using System.CommandLine;

namespace Coordinator.Cli.Commands;

/// <summary><c>cancel</c>: ends a job without a model.</summary>
public static class CancelCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var job = new JobArgument();
        var reason = new Option<string>("--reason")
        {
            Description = "Why, for the events.",
            DefaultValueFactory = _ => "cancelled by its user",
        };
        return QueryCommand.Create("cancel", "End a job without a model.", [job.Argument, reason], async (client, parsed, _, cancel) =>
        {
            var id = await job.FindIdAsync(client, parsed, cancel);
            if (await client.GetGangAsync(id, cancel) is null)
                await client.CancelJobAsync(id, parsed.GetValue(reason)!, cancel);
            else
                await client.CancelGangAsync(id, parsed.GetValue(reason)!, cancel);
            Console.WriteLine($"job {id} is asked to end");
        });
    }
}
