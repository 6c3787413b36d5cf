using System.CommandLine;
using System.Net;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Commands;

/// <summary><c>extend</c>: gives a job more steps, or more ranks.</summary>
public static class ExtendCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var job = new JobArgument();
        var steps = new Option<long?>("--steps")
        {
            Description = "Optimizer steps that the job is to have, more than now. The learning rate falls to the step to which it fell "
                + "before, so no step that is trained changes.",
        };
        var ranks = new Option<int?>("--ranks")
        {
            Description = "Ranks that the job is to want, more than now and at most its shards. The model is the same for any number.",
        };
        var command = QueryCommand.Create(
            "extend",
            "Give a job more steps or ranks. A finished job trains on from its newest checkpoint.",
            [job.Argument, steps, ranks],
            async (client, parsed, _, cancel) =>
            {
                var view = await job.FindAsync(client, parsed, cancel);
                try
                {
                    await client.ExtendJobAsync(view.Id, parsed.GetValue(steps), parsed.GetValue(ranks), cancel: cancel);
                }
                catch (CoordinatorApiException refused) when (refused.Status is HttpStatusCode.Conflict)
                {
                    throw new CommandException(ExitCodes.Usage, $"{refused.Message}.", refused.Remedy, refused);
                }

                var after = await client.GetJobAsync(view.Id, cancel) ?? view;
                Console.WriteLine($"job {after.Id} has {after.Spec.Training.Steps} steps and wants {Counted.Of(after.Spec.Ranks, "rank")}");
            });
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(steps) is null && parsed.GetValue(ranks) is null)
                parsed.AddError("Neither --steps nor --ranks is given.");
        });
        return command;
    }
}
