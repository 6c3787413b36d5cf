using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Processes;

namespace Coordinator.Runs.Clusters;

/// <summary>
/// A PostgreSQL server of a run's own, on loopback, from the machine's installed programs. What it acknowledges is on the disk. It
/// refuses to run as root, so root starts it as another user, in a folder that belongs to that user.
/// </summary>
public sealed class PrivatePostgres
{
    // The shell ends the server when its own standard input ends: whoever started this process is gone. It says ready at once, since
    // silos wait for a database that is starting.
    private const string Guard = """
        exec 3<&0
        "$@" &
        server=$!
        (cat <&3 >/dev/null; kill -INT $server 2>/dev/null) &
        guard=$!
        echo ready
        wait $server
        code=$?
        kill $guard 2>/dev/null
        exit $code
        """;

    private static readonly string[] Users = ["postgres", "nobody"];

    private readonly string programs;
    private readonly string folder;
    private readonly string? user;

    private PrivatePostgres(string programs, string folder, string? user, int port)
    {
        (this.programs, this.folder, this.user) = (programs, folder, user);
        ConnectionString = string.Create(
            CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={port};Database=postgres;Username=coordinator");
        Port = port;
    }

    /// <summary>Whether this machine has the programs.</summary>
    public static bool IsInstalled => FindPrograms() is not null;

    /// <summary>How silos reach it.</summary>
    public string ConnectionString { get; }

    private int Port { get; }

    /// <summary>Makes the server's folder.</summary>
    /// <exception cref="CommandException">PostgreSQL is not installed, or its folder cannot be made.</exception>
    public static async Task<PrivatePostgres> CreateAsync(RunDirectory directory, CancellationToken cancel)
    {
        var programs = FindPrograms() ?? throw new CommandException(
            ExitCodes.Usage,
            "Several Orleans silos need a PostgreSQL database, and PostgreSQL is not installed here.",
            "Install it (Debian: apt-get install postgresql), or name a database with --database 'Host=…;Database=…;Username=…'.");
        var isRoot = Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();
        var user = isRoot ? await FindUserAsync(cancel) : null;

        // The run's own directory is closed to that user.
        var folder = isRoot ? Directory.CreateTempSubdirectory("coordinator-postgres-").FullName : directory.File("postgres");
        if (user is not null)
            await RunAsync("chown", [user, folder], directory, cancel);
        var made = new PrivatePostgres(programs, folder, user, FreePorts.Next());
        var initialise = made.As([Path.Combine(programs, "initdb"), "--pgdata", Path.Combine(
            folder, "data"), "--username", "coordinator", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]);
        await RunAsync(initialise[0], initialise[1..], directory, cancel);
        return made;
    }

    /// <summary>The command that runs the server until standard input ends.</summary>
    public ProcessStartInfo Command()
    {
        var command = new ProcessStartInfo { FileName = "/bin/sh", WorkingDirectory = "/" };
        var server = As([
            Path.Combine(programs, "postgres"), "-D", Path.Combine(folder, "data"), "-k", folder,
            "-c", "listen_addresses=127.0.0.1", "-c", string.Create(
                CultureInfo.InvariantCulture, $"port={Port}"), "-c", "max_connections=300"]);
        foreach (var argument in (string[])["-c", Guard, "sh", .. server])
            command.ArgumentList.Add(argument);
        return command;
    }

    /// <summary>Removes what root made outside the run's directory.</summary>
    public void Remove()
    {
        if (user is null)
            return;
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // The system clears its temporary directory.
        }
    }

    private string[] As(string[] command) =>
        user is null ? command : ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--", .. command];

    private static string? FindPrograms()
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        var installed = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(version => int.TryParse(Path.GetFileName(version), out var number) ? number : 0)
                .Select(version => Path.Combine(version, "bin"))
            : [];
        return path.Concat(installed).FirstOrDefault(
            folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")));
    }

    private static async Task<string> FindUserAsync(CancellationToken cancel)
    {
        var known = (await File.ReadAllLinesAsync("/etc/passwd", cancel)).Select(line => line.Split(':')[0]).ToHashSet();
        return Users.FirstOrDefault(known.Contains) ?? throw new CommandException(
            ExitCodes.Usage,
            "PostgreSQL refuses to run as root, and there is no user 'postgres' or 'nobody' here.",
            "Run this command as another user, or name a database with --database.");
    }

    private static async Task RunAsync(string program, string[] arguments, RunDirectory directory, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        try
        {
            using var process = Process.Start(start)!;
            var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(cancel), process.StandardError.ReadToEndAsync(cancel));
            await process.WaitForExitAsync(cancel);
            await File.AppendAllTextAsync(directory.File("postgres.log"), string.Concat(said), cancel);
            if (process.ExitCode != 0)
            {
                throw new CommandException(
                    ExitCodes.RunFailed,
                    $"{program} ended with exit code {process.ExitCode}: {said[1].Trim()}",
                    $"See {directory.File("postgres.log")}, or name a database with --database.");
            }
        }
        catch (Win32Exception missing)
        {
            throw new CommandException(
                ExitCodes.Usage, $"{program} cannot be started: {missing.Message}", "Install it, or name a database with --database.");
        }
    }
}
