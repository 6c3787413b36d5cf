using Coordinator.Cli.Commands;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>Where a silo cannot listen, and folders with names that a connection string would take apart.</summary>
[Collection("the console of this process")]
public sealed class SiloAddressTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly string directory = Directory.CreateTempSubdirectory("silo-address-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("http://192.0.2.1:0")]
    [InlineData("http://[2001:db8::1]:0")]
    [InlineData("http://example.invalid:7070")]
    [InlineData("https://127.0.0.1:0")]
    [InlineData("http://127.0.0.1:99999")]
    [InlineData("http://127.0.0.1:-1")]
    [InlineData("http://127.0.0.1:port")]
    [InlineData("http://user:secret@127.0.0.1:0")]
    [InlineData("http://127.0.0.1:0/path")]
    [InlineData("http://127.0.0.1:0?x=1")]
    [InlineData("ftp://127.0.0.1:0")]
    [InlineData("127.0.0.1:7070")]
    [InlineData("http://")]
    [InlineData("http://[::1")]
    [InlineData("http://٣.0.0.1:0")]
    [InlineData("http://127.0.0.1:\u001b[2J")]
    [InlineData("")]
    public async Task A_silo_that_cannot_listen_says_so_in_a_line(string url)
    {
        var (code, said) = await RunAsync("silo", "--data-dir", directory, "--url", url);
        Assert.True(code == ExitCodes.Usage, $"{code}: {said}");
        // An address that only the system can refuse was tried, of which Orleans' own log may speak before.
        Assert.Contains("error: ", said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
        Assert.DoesNotContain("This is a fault of coordinator", said, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', said);
    }

    [Theory]
    [InlineData("a;b")]
    [InlineData("Data Source=elsewhere;Mode=Memory")]
    [InlineData("x'y\"z")]
    [InlineData("ü n i")]
    [InlineData("?mode=memory#x")]
    public void A_folder_whose_name_means_something_to_a_database_is_a_folder(string name)
    {
        var path = Path.Combine(directory, name, "coordinator.db");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (SqliteStore.Open(new SqliteStoreOptions { Path = path, Silo = "silo" }))
        {
        }

        Assert.True(File.Exists(path));
        Assert.Equal([Path.GetDirectoryName(path)!], Directory.GetFileSystemEntries(directory));
    }

    [Theory]
    [InlineData("http://0.0.0.0:0", true, "http://0.0.0.0:7070", "http://127.0.0.1:7070")]
    [InlineData("http://*:0", true, "http://0.0.0.0:7070", "http://127.0.0.1:7070")]
    [InlineData("https://[::]:0", true, "https://[::]:7070", "https://127.0.0.1:7070")]
    [InlineData("http://localhost:0", false, "http://127.0.0.1:7070", "http://127.0.0.1:7070")]
    [InlineData("http://10.0.0.5:0", false, "http://10.0.0.5:7070", "http://10.0.0.5:7070")]
    public void A_silo_says_where_it_listens_and_how_this_host_reaches_it(string url, bool all, string listening, string reached)
    {
        var address = ListenAddress.Parse(url);
        Assert.Equal((all, listening, reached), (address.IsAny, address.ListeningAt(7070), address.UrlAt(7070)));
    }

    [Fact]
    public void A_silo_on_the_folder_of_a_run_keeps_the_token_of_the_run()
    {
        var silo = Path.Combine(directory, "silo");
        Directory.CreateDirectory(silo);
        var token = SiloToken.LoadOrCreate(Path.Combine(directory, "token"));
        File.WriteAllText(Path.Combine(directory, "run.json"), "{}");
        var loggers = Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance;
        Assert.Equal(token, SiloToken.OfSilo(null, silo, loggers));
        Assert.False(File.Exists(Path.Combine(silo, "token")));

        // Its own counts more, and a folder that is no run's has one of its own.
        var own = SiloToken.LoadOrCreate(Path.Combine(silo, "token"));
        Assert.Equal(own, SiloToken.OfSilo(null, silo, loggers));
        Assert.NotEqual(token, SiloToken.OfSilo(null, Path.Combine(directory, "elsewhere", "silo"), loggers));
    }

    private static async Task<(int Code, string Said)> RunAsync(params string[] arguments)
    {
        var (output, errors) = (Console.Out, Console.Error);
        using var said = new StringWriter();
        try
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(new PlainWriter(TextWriter.Synchronized(said)));
            return (await CommandLine.RunAsync(arguments).WaitAsync(Limit), said.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }
}
