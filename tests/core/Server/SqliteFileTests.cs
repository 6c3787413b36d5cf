using Coordinator.Machines;
using Coordinator.Server.Storage;
using Coordinator.Tests.Support;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Tests.Server;

/// <summary>What may lie where a silo's database should be: it is used, or refused with what is wrong and left as it is.</summary>
public sealed class SqliteFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Database => folder.File("coordinator.db");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("CREATE TABLE notes (text TEXT)", "it is another program's (it has the tables notes)")]
    [InlineData(
        "PRAGMA application_id = 42; CREATE TABLE schema_version (version INTEGER)", "it is another program's (its application id is 42)")]
    public void Another_programs_database_is_refused_and_not_written_to(string made, string why)
    {
        Make(made);
        var before = File.ReadAllBytes(Database);

        var refused = Assert.Throws<StoreUnusableException>(Open);

        Assert.StartsWith($"the database '{Database}' cannot be used: {why}. ", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(Database));
    }

    [Fact]
    public void A_truncated_database_is_refused()
    {
        Fill();
        using (var file = new FileStream(Database, FileMode.Open))
            file.SetLength(file.Length / 2);

        Assert.Contains("it ends after", Assert.Throws<StoreUnusableException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_with_a_damaged_page_is_refused()
    {
        Fill();
        using (var file = new FileStream(Database, FileMode.Open))
        {
            file.Position = file.Length / 2 / 4096 * 4096;
            file.Write(new byte[4096].Select(_ => (byte)0xA5).ToArray());
        }

        Assert.Contains("it is damaged", Assert.Throws<StoreUnusableException>(Open).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("SQLite format 3\0 and then no more")]
    public void What_is_no_database_is_refused(string content)
    {
        File.WriteAllText(Database, content);

        Assert.Contains("it is no SQLite database", Assert.Throws<StoreUnusableException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_in_its_place_is_refused()
    {
        Directory.CreateDirectory(Database);

        Assert.Contains("it is a folder", Assert.Throws<StoreUnusableException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_in_place_of_its_lock_is_no_other_silo()
    {
        Directory.CreateDirectory(Database + ".lock");

        Assert.Throws<UnauthorizedAccessException>(Open);
    }

    [Fact]
    public void An_empty_file_and_one_of_a_process_that_was_killed_are_used()
    {
        File.WriteAllBytes(Database, []);
        Open();
        Make("PRAGMA application_id = 0");

        // What a killed process leaves: pages that are in the log alone.
        using (var killed = new SqliteConnection($"Data Source={Database};Pooling=False"))
        {
            killed.Open();
            killed.Execute("INSERT INTO writer (id, batch) VALUES ('x', 1)");
            File.Copy(Database, folder.File("left.db"));
            File.Copy(Database + "-wal", folder.File("left.db-wal"));
        }

        SqliteStore.Open(new SqliteStoreOptions { Path = folder.File("left.db"), Silo = "one" }).Dispose();
    }

    [Fact]
    public void Ours_is_marked_as_ours()
    {
        Open();

        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        Assert.Equal(SqliteFile.ApplicationId, connection.ExecuteScalar<int>("PRAGMA application_id"));
    }

    private void Open() => SqliteStore.Open(new SqliteStoreOptions { Path = Database, Silo = "one" }).Dispose();

    private void Fill()
    {
        using var store = SqliteStore.Open(new SqliteStoreOptions { Path = Database, Silo = "one" });
        for (var i = 0; i < 200; i++)
            store.Append(new CoordinatorEvent { Kind = EventKinds.Silo, Cause = "started", Text = new string('x', 1000) });
    }

    private void Make(string statements)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Execute(statements);
    }
}
