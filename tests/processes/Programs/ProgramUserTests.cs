using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Worker;
using Coordinator.Worker.Data;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;

namespace Coordinator.Tests.Processes.Programs;

/// <summary>What a program may see and read of its worker, as another user and as the worker's own.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class ProgramUserTests : IDisposable
{
    private const string Other = RootFactAttribute.Other;

    private static readonly string[] Given =
    [
        "COORDINATOR_PROGRAM_KEY", "COORDINATOR_PROGRAM_SOCKET", "COORDINATOR_START", "COORDINATOR_WORKER",
    ];

    private readonly string directory = Directory.CreateTempSubdirectory("user-").FullName;
    private readonly List<string> shared = [];

    public void Dispose()
    {
        Directory.Delete(directory, recursive: true);
        foreach (var folder in shared)
            Directory.Delete(folder, recursive: true);
    }

    [RootFact]
    public void A_program_of_another_user_reads_its_data_and_neither_tokens_nor_keys_nor_the_workers_folders()
    {
        var user = ProgramUser.Find(Other, out _)!;
        var policy = new ProgramPolicy { Allowed = true, User = user };
        var folders = new ProgramFolders(Path.Combine(directory, "programs"), policy);
        var (token, data) = (Secret("token"), Secret("data.bin"));
        var copy = folders.DataFor(new string('a', 64), data);
        shared.Add(Path.GetFullPath(Path.Combine(copy, "..", "..")));
        Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(copy));
        Assert.Equal(copy, folders.DataFor(new string('a', 64), data));

        var said = Tell(policy, folders, token, data, copy);

        Assert.Equal([user.Id, user.Group], said.Ids);
        Assert.Equal(Given, said.Variables);
        Assert.Equal([false, false, true], said.Readable);
        Assert.Equal(user.Home, said.Home);
    }

    [PythonFact]
    public void A_program_of_the_workers_own_user_sees_none_of_its_tokens_and_may_read_what_the_worker_may()
    {
        var policy = new ProgramPolicy { Allowed = true };
        var token = Secret("token");

        var said = Tell(policy, new ProgramFolders(directory, policy), token);

        Assert.Equal(Given, said.Variables);
        Assert.Equal([true], said.Readable);
    }

    private string Secret(string name)
    {
        var path = Path.Combine(directory, name);
        File.WriteAllText(path, "of the worker");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    /// <summary>
    /// What a program says of itself, which is started where the policy has it, from a folder as the worker unpacks them.
    /// </summary>
    private Said Tell(ProgramPolicy policy, ProgramFolders folders, params string[] paths)
    {
        Environment.SetEnvironmentVariable("COORDINATOR_SECRET_OF_TESTS", "a token");
        Environment.SetEnvironmentVariable("SECRET_KEY", "a key");
        try
        {
            var bundle = folders.BundleOf("plain");
            var (packed, _) = ProgramFolder.Freeze(PythonPrograms.MakePlain(directory), Path.Combine(directory, "store"));
            ProgramFolder.Unpack(DataStore.PathOf(Path.Combine(directory, "store"), packed), bundle);
            using var launcher = new ProgramLauncher(policy, directory, 1, new SilentLog());
            var launch = PythonPrograms.Plain() with
            {
                Command = [Path.Combine(bundle, "plain"), "tells", "1", "0", .. paths],
                Folder = bundle,
                Launcher = launcher,
                Log = new RankLogOptions(folders.LogsOf(new JobId("user")), ProgramFolders.StartLogName(0, 1)),
            };
            using var device = new ProgramDevice(PythonPrograms.PlainJob(), launch, CancellationToken.None);
            using var gradient = device.CreateGradient();
            var fault = Assert.Throws<ProgramFaultException>(() => device.ComputeShard(1, 0, gradient, CancellationToken.None));
            using var told = JsonDocument.Parse(fault.Message["the program failed: ".Length..]);
            var parts = told.RootElement;
            return new Said(
                [parts[0].GetUInt32(), parts[1].GetUInt32()],
                [.. parts[2].EnumerateArray().Select(name => name.GetString()!)],
                [.. parts[3].EnumerateArray().Select(answer => answer.GetBoolean())],
                parts[4].GetString()!);
        }
        finally
        {
            Environment.SetEnvironmentVariable("COORDINATOR_SECRET_OF_TESTS", null);
            Environment.SetEnvironmentVariable("SECRET_KEY", null);
        }
    }

    private sealed record Said(uint[] Ids, string[] Variables, bool[] Readable, string Home);
}
