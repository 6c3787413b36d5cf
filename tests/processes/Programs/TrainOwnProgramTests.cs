using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Processes.Worker.Telemetry;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Programs;

/// <summary><c>train --program</c> with real processes: a client of the protocol in plain Python, and PyTorch where it is here.</summary>
public sealed class TrainOwnProgramTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly string directory = Directory.CreateTempSubdirectory("own-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [PythonFact]
    public async Task The_file_is_the_same_for_one_worker_and_for_two_of_which_a_program_is_killed_and_both_ranks_logs_are_followed()
    {
        // Shard 0 of step 300 waits for a file, which is there once the killed program's successor has been heard. Who waits is killed:
        // the other one is done with its shards of that step, and is not missed before the step is.
        var awaited = Path.Combine(directory, "go-on");
        await File.WriteAllTextAsync(awaited, "");
        string[] job =
        [
            "--program", PythonPrograms.MakePlain(directory), $"--program.arguments=waits 300 0 {awaited}", "--steps", "400", "--seed", "7",
        ];
        using var one = new Executable(["train", "--workers", "1", "--out", Path.Combine(directory, "one"), .. job]);
        Assert.True(await one.EndAsync(Limit) == ExitCodes.Success, one.Output);

        File.Delete(awaited);
        using var two = new Executable(
            ["train", "--workers", "2", "--out", Path.Combine(directory, "two"), "--work-dir", Path.Combine(directory, "run"), .. job]);
        await two.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        using var logs = new Executable(AttachmentOf(two), "logs", "--rank", "0", "--rank", "1", "-f");
        await logs.LineAsync(_ => Said(logs, "[0] joined") == 1 && Said(logs, "[1] joined") == 1, "what both ranks said", Limit);
        var waits = await logs.LineAsync(line => line.EndsWith(" waits", StringComparison.Ordinal), "which process waits", Limit);
        Executable.Send("KILL", int.Parse(waits.Split(' ')[2], CultureInfo.InvariantCulture));
        await logs.LineAsync(_ => Said(logs, "[0] joined") + Said(logs, "[1] joined") >= 3, "what the next program said", Limit);
        await File.WriteAllTextAsync(awaited, "");
        Assert.True(await two.EndAsync(Limit) == ExitCodes.Success, two.Output);

        Assert.Contains("the program ended while it was needed: it was killed by signal 9 (SIGKILL)", two.Output, StringComparison.Ordinal);
        Assert.Equal(Hash("one"), Hash("two"));
    }

    [PythonFact]
    public async Task A_program_that_fails_alike_everywhere_ends_the_job_with_its_own_words()
    {
        using var train = new Executable([
            "train", "--program", PythonPrograms.MakePlain(directory), "--program.arguments=fails 3 1", "--workers", "2", "--steps", "10",
            "--out", Path.Combine(directory, "never"),
            "--work-dir", Path.Combine(directory, "run")]);

        Assert.Equal(ExitCodes.RunFailed, await train.EndAsync(Limit));
        Assert.Contains("so the job is to blame and no gpu", train.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("ProgramFaultException", train.Output, StringComparison.Ordinal);
        Assert.Contains("ValueError: the labels are of another task (train.py, line 12)", train.Output, StringComparison.Ordinal);
    }

    [PythonFact]
    public async Task A_program_whose_last_update_leaves_no_number_makes_no_model()
    {
        using var train = new Executable([
            "train", "--program", PythonPrograms.MakePlain(directory), "--program.arguments=leaves-infinity 5", "--workers", "1",
            "--steps", "5", "--out", Path.Combine(directory, "never")]);

        Assert.True(await train.EndAsync(Limit) == ExitCodes.RunFailed, train.Output);
        Assert.Contains(
            "step 5 has made 1 of the model's parameters infinite or no number", train.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(directory, "never")));
    }

    [GccFact]
    public async Task The_client_in_C_is_the_same_file_for_one_worker_and_for_two()
    {
        var client = Path.Combine(Directory.CreateDirectory(Path.Combine(directory, "c")).FullName, "linear");
        using (var compiler = Process.Start(
            "gcc",
            ["-O2", "-ffp-contract=off", "-o", client, Path.Combine(PythonPrograms.Repository, "samples", "linear-c", "linear.c"), "-lm"]))
        {
            await compiler.WaitForExitAsync();
            Assert.Equal(0, compiler.ExitCode);
        }

        foreach (var workers in new[] { "1", "2" })
        {
            using var train = new Executable(
                "train", "--program", client, "--workers", workers, "--steps", "100", "--out", Path.Combine(directory, workers));
            Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
        }

        Assert.Equal(Hash("1"), Hash("2"));
    }

    [PythonFact(torch: true)]
    public async Task A_network_in_PyTorch_is_the_same_file_for_one_worker_and_for_two_of_which_a_program_is_killed()
    {
        var (script, hooks) = (Path.Combine(directory, "train.py"), Path.Combine(directory, "hooks"));
        await File.WriteAllTextAsync(
            script,
            """
            import sys
            import torch
            import torch.nn.functional as F
            from torch import nn
            import coordinator

            data, labels = torch.randn(64, 6), torch.arange(64) % 3

            class Noisy(torch.utils.data.Dataset):
                def __len__(self):
                    return len(data)

                def __getitem__(self, index):
                    return data[index] + 0.1 * torch.randn(6), labels[index]

            model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
            job = coordinator.join(model, torch.optim.AdamW(model.parameters()), samples=len(data))

            @job.every(100)
            def evaluate(step):
                model.eval()
                loss = F.cross_entropy(model(data), labels).item()
                with open(sys.argv[1], "a") as done:
                    done.write(f"{step} {job.rank} {loss:.6f}\n")

            for shard, (x, y) in job.loader(Noisy(), workers=int(sys.argv[2])):
                shard.backward(F.cross_entropy(model(x), y, reduction="sum"))
            """);
        string[] job = ["--program", script, "--python", PythonPrograms.Torch, "--steps", "300", "--seed", "7"];
        using var one = new Executable(
            ["train", "--workers", "1", "--out", Path.Combine(directory, "one"), $"--program.arguments={hooks}-1 0", .. job]);
        Assert.True(await one.EndAsync(Limit) == ExitCodes.Success, one.Output);
        using var two = new Executable([
            "train", "--workers", "2", "--out", Path.Combine(directory, "two"), "--work-dir", Path.Combine(directory, "run"),
            $"--program.arguments={hooks}-2 1", .. job,
        ]);
        await two.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        KillOneProgram(Path.Combine(directory, "run"));
        Assert.True(await two.EndAsync(Limit) == ExitCodes.Success, two.Output);

        Assert.Equal(Hash("one"), Hash("two"));
        var undisturbed = await File.ReadAllLinesAsync($"{hooks}-1");
        Assert.Equal(["100", "200", "300"], undisturbed.Select(line => line.Split(' ')[0]));
        Assert.All(undisturbed, line => Assert.Equal("0", line.Split(' ')[1]));

        // A rank 0 that was killed may have done it already: then its successor does it again, with the same state.
        Assert.Equal(undisturbed, (await File.ReadAllLinesAsync($"{hooks}-2")).Distinct());
    }

    [PythonFact(torch: true)]
    public async Task Verify_finds_a_random_number_that_is_not_seeded_and_passes_what_is()
    {
        var script = Path.Combine(directory, "train.py");
        const string Text =
            """
            import os, torch, coordinator
            from torch import nn
            model = nn.Linear(6, 1)
            job = coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=64)
            for shard in job:
                x = torch.rand(len(shard.indices), 6) + NOISE
                shard.backward(model(x).pow(2).sum())
            """;
        await File.WriteAllTextAsync(script, Text.Replace("NOISE", "0", StringComparison.Ordinal));
        using var sound = new Executable("verify", script, "--python", PythonPrograms.Torch);
        Assert.True(await sound.EndAsync(Limit) == ExitCodes.Success, sound.Output);
        Assert.Contains("nothing differed: this searches and does not prove", sound.Output, StringComparison.Ordinal);

        await File.WriteAllTextAsync(
            script, Text.Replace("NOISE", "int.from_bytes(os.urandom(2), 'little') / 65536", StringComparison.Ordinal));
        using var unsound = new Executable("verify", script, "--python", PythonPrograms.Torch);
        Assert.Equal(ExitCodes.RunFailed, await unsound.EndAsync(Limit));
        Assert.Contains(
            "a shard computed a second time in a process has another gradient; the first tensor that differs is weight",
            unsound.Output,
            StringComparison.Ordinal);
    }

    [PythonFact(torch: true)]
    public async Task The_packages_own_tests_pass()
    {
        var tests = Path.Combine(PythonPrograms.Repository, "sdk", "python");
        using var run = Process.Start(
            new ProcessStartInfo(PythonPrograms.Torch, ["-W", "ignore", "-m", "unittest", "discover", "-s", "tests"])
            {
                WorkingDirectory = tests,
                RedirectStandardError = true,
                Environment = { ["PYTHONDONTWRITEBYTECODE"] = "1", ["OMP_NUM_THREADS"] = "1" },
            })!;
        var said = await run.StandardError.ReadToEndAsync();
        await run.WaitForExitAsync();
        Assert.True(run.ExitCode == 0, said);
        Assert.Contains("Ran ", said, StringComparison.Ordinal);
    }

    /// <summary>What a run says of how to look at it from another terminal.</summary>
    private static Dictionary<string, string> AttachmentOf(Executable run) => run.Output.Split('\n').Select(line => line.Trim().Split(' '))
        .Where(words => words is ["export", _]).Select(words => words[1].Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

    private static int Said(Executable command, string line) => command.Output.Split('\n').Count(one => one == line);

    /// <summary>SIGKILL to the process of a program that a run has started: it is the one that was started with the run's folder.</summary>
    private static void KillOneProgram(string run)
    {
        var program = Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(
            name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .First(name => CommandOf(name!).Contains(Path.Combine(run, "worker-"), StringComparison.Ordinal)
                && CommandOf(name!).Contains("/bundles/", StringComparison.Ordinal));
        Executable.Send("KILL", int.Parse(program!, CultureInfo.InvariantCulture));
    }

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private string Hash(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(directory, file))));
}
