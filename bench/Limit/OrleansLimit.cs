using System.CommandLine;
using System.Globalization;

namespace Coordinator.Bench.Limit;

/// <summary>
/// What Orleans itself costs on this machine, and what the product's grains add to it: all nodes and gpus, a job's generation as wide as
/// the nodes, and a heartbeat of each. Bare grains one way, bare grains with acknowledgement and a window, and the product's grains with
/// its machines, each in a silo of its own in this process, without storage and without sockets; <c>coordinator swarm</c> has those.
/// </summary>
internal static class OrleansLimit
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "orleans-limit",
            "what Orleans itself costs, and what the product's grains add: activations, a generation, heartbeats, in one process");
        var allNodes = command.AddNumber("--nodes", "Nodes, each with a rank.", 12_500, 4);
        var gpusPerNode = command.AddNumber("--gpus-per-node", "Gpus of each node.", 8, 1, 1024);
        var allRounds = command.AddNumber("--rounds", "Generations that are formed one after the other.", 3, 1, 100);
        var which = command.AddChoice("--what", "What is measured.", "all", "one-way", "acknowledged", "product");
        return command.Runs(parsed =>
        {
            var (size, rounds, what) = (
                new LimitSize(parsed.GetValue(allNodes), parsed.GetValue(gpusPerNode)), parsed.GetValue(allRounds), parsed.GetValue(which));
            return async stop =>
            {
                var machine = MachineLoad.Now();
                Console.WriteLine(BenchCommand.Text(parsed) + string.Create(
                    CultureInfo.InvariantCulture, $"; {machine.Cores} cores, {machine.Cpu}, load {machine.Load:0.0}"));
                if (what is "all" or "one-way")
                    await BareLimit.RunAsync(size, rounds, isAcknowledged: false).WaitAsync(stop);
                if (what is "all" or "acknowledged")
                    await BareLimit.RunAsync(size, rounds, isAcknowledged: true).WaitAsync(stop);
                if (what is "all" or "product")
                    await OwnLimit.RunAsync(size, rounds).WaitAsync(stop);
                return true;
            };
        });
    }
}
