using Coordinator.Worker.External;

namespace Coordinator.Tests.Processes.Programs;

/// <summary>
/// Whether <c>verify</c> finds what breaks the promise: for each kind of it a script in PyTorch that does it, and one that does not.
/// </summary>
public sealed class ProgramVerifierTests : IDisposable
{
    private const string SecondTime = "a shard computed a second time in a process has another gradient; the first tensor that differs is ";

    private readonly string directory = Directory.CreateTempSubdirectory("verify-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [PythonFact(torch: true)]
    public async Task Each_kind_of_unsound_script_is_found_and_the_sound_one_is_not()
    {
        // Beside each other, since most of the time is the import of PyTorch.
        var findings = await Task.WhenAll(
            Verify("sound", "", "x = data[shard.indices]"),
            Verify("dropout", "own = torch.Generator().manual_seed(3)", "x = data[shard.indices] * (torch.rand(6, generator=own) > 0.3)"),
            Verify("threads", Race, "x = data[shard.indices] * in_the_order_of_threads(range(1, 9))"),
            Verify("transform", "import numpy\ndraw = numpy.random.default_rng(5)", "x = data[shard.indices] + float(draw.random())"),
            Verify("first-calls", "calls = 0", "calls += 1\n    x = data[shard.indices] * (1 + (calls <= 3))"),
            Verify("compiled-once", "calls = 0", "calls += 1\n    x = data[shard.indices] * (1 + (calls <= 1))"));

        Assert.Empty(findings[0]);
        Assert.All([findings[1], findings[2], findings[3]], found => Assert.StartsWith(SecondTime, found[0], StringComparison.Ordinal));
        Assert.StartsWith(
            "the first 3 calls of a process compute another gradient than later ones, and 2 shards are computed uncounted", findings[4][0],
            StringComparison.Ordinal);
        Assert.Empty(findings[5]);
    }

    [PythonFact(torch: true)]
    public void Running_statistics_are_refused_with_the_reason_and_the_remedy()
    {
        var refused = Assert.Throws<ProgramFaultException>(
            () => Findings("norm", "model = nn.Sequential(nn.Linear(6, 1), nn.BatchNorm1d(1))", "x = data[shard.indices]"));

        Assert.StartsWith(
            "the program failed: the forward pass changed the buffer 1.", refused.Message, StringComparison.Ordinal);
        Assert.Contains(
            "use layers without running statistics (GroupNorm or LayerNorm in place of BatchNorm)",
            refused.Message,
            StringComparison.Ordinal);
    }

    /// <summary>Adds numbers in the order in which threads come to it.</summary>
    private const string Race =
        """
        import threading, time
        def in_the_order_of_threads(numbers):
            sums, gate = [torch.zeros(())], threading.Lock()
            def add(number):
                time.sleep(os.urandom(1)[0] / 25600)
                with gate:
                    sums[0] = sums[0] / 3 + number
            threads = [threading.Thread(target=add, args=(number,)) for number in numbers]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            return sums[0]
        """;

    private Task<IReadOnlyList<string>> Verify(string name, string before, string body) => Task.Run(() => Findings(name, before, body));

    private IReadOnlyList<string> Findings(string name, string before, string body)
    {
        var script = Path.Combine(directory, $"{name}.py");
        File.WriteAllText(
            script,
            $"""
            import os, torch, coordinator
            from torch import nn
            data = torch.randn(64, 6)
            model = nn.Linear(6, 1)
            {before}
            job = coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=64)
            for shard in job:
                {body}
                shard.backward(model(x).pow(2).sum())
            """);
        var job = PythonPrograms.PlainJob(program => program with { WarmUpShards = 2 });
        return new ProgramVerifier(job, (of, cancel) => new ProgramDevice(of, PythonPrograms.TorchScript(script), cancel), _ => { })
            .Run(CancellationToken.None);
    }
}
