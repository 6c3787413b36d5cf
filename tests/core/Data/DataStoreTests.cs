using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;

namespace Coordinator.Tests.Data;

public sealed class DataStoreTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DataSpec spec;

    public DataStoreTests() =>
        spec = new DataFreezer(folder.File("server")).Freeze(folder.Write("a.txt", "hello world"), new ModelSpec { Block = 4 });

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Stored_data_is_read_from_any_token()
    {
        using var data = await new DataStore(folder.File("server")).OpenAsync(spec);
        var tokens = new int[5];
        data.ReadTokens(6, tokens);
        Assert.Equal(11, data.Tokens);
        Assert.Equal("world".Select(c => (int)c), tokens);
    }

    [Fact]
    public async Task Reading_beyond_the_end_is_a_mistake_of_the_caller()
    {
        using var data = await new DataStore(folder.File("server")).OpenAsync(spec);
        Assert.Throws<ArgumentOutOfRangeException>(() => data.ReadTokens(7, new int[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.ReadTokens(-1, new int[5]));
    }

    [Fact]
    public async Task Missing_data_is_fetched_once_and_kept()
    {
        var fetched = new List<string>();
        var store = new DataStore(folder.File("node"), async (sha, stream, cancel) =>
        {
            fetched.Add(sha);
            await stream.WriteAsync("hello world"u8.ToArray(), cancel);
        });

        (await store.OpenAsync(spec)).Dispose();
        (await store.OpenAsync(spec)).Dispose();

        Assert.Equal([spec.Sha256], fetched);
        Assert.Equal([DataStore.PathOf(folder.File("node"), spec.Sha256)], Directory.GetFiles(folder.File("node")));
    }

    [Fact]
    public async Task A_damaged_copy_is_fetched_again()
    {
        folder.Write($"node/{spec.Sha256}.bin", "hellO world");
        var store = new DataStore(
            folder.File("node"), (_, stream, cancel) => stream.WriteAsync("hello world"u8.ToArray(), cancel).AsTask());

        using var data = await store.OpenAsync(spec);

        var tokens = new int[11];
        data.ReadTokens(0, tokens);
        Assert.Equal("hello world".Select(c => (int)c), tokens);
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("folder")]
    [InlineData("loop")]
    public async Task What_is_no_file_in_the_place_of_a_copy_is_not_waited_for_and_replaced(string kind)
    {
        SpecialFiles.Put(folder.Write($"node/{spec.Sha256}.bin", ""), kind);
        var store = new DataStore(
            folder.File("node"), (_, stream, cancel) => stream.WriteAsync("hello world"u8.ToArray(), cancel).AsTask());
        using var data = await store.OpenAsync(spec);
        Assert.Equal(11, data.Tokens);
    }

    [Fact]
    public async Task What_somebody_writes_into_open_data_is_never_read()
    {
        var path = DataStore.PathOf(folder.File("server"), spec.Sha256);
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
        using var data = await new DataStore(folder.File("server")).OpenAsync(spec);
        await File.WriteAllTextAsync(path, "hellO world");
        Assert.Equal(DataProblem.Corrupt, Assert.Throws<DataException>(() => data.ReadTokens(0, new int[4])).Problem);
    }

    [Fact]
    public async Task Open_data_that_were_touched_and_are_the_same_go_on_being_read()
    {
        var path = DataStore.PathOf(folder.File("server"), spec.Sha256);
        using var data = await new DataStore(folder.File("server")).OpenAsync(spec);
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
        var tokens = new int[11];
        data.ReadTokens(0, tokens);
        Assert.Equal("hello world".Select(c => (int)c), tokens);
    }

    [Fact]
    public async Task A_damaged_copy_without_a_fetch_is_refused()
    {
        var path = folder.Write($"node/{spec.Sha256}.bin", "hellO world");
        var error = await Assert.ThrowsAsync<DataException>(() => new DataStore(folder.File("node")).OpenAsync(spec));
        Assert.Equal(DataProblem.Corrupt, error.Problem);
        Assert.Equal(
            $"{path}: has SHA-256 bc18519279ced255e872f67449060dbb7111747640d4a84d71b0e493687c97e6 where {spec.Sha256} was frozen; "
            + "delete it and freeze or fetch the data again",
            error.Message);
    }

    [Fact]
    public async Task A_copy_that_was_cut_short_is_refused()
    {
        var path = folder.Write($"node/{spec.Sha256}.bin", "hello");
        var error = await Assert.ThrowsAsync<DataException>(() => new DataStore(folder.File("node")).OpenAsync(spec));
        Assert.Equal($"{path}: holds 5 bytes where 11 were frozen; delete it and freeze or fetch the data again", error.Message);
    }

    [Fact]
    public async Task Data_that_is_nowhere_is_named_with_its_remedy()
    {
        var error = await Assert.ThrowsAsync<DataException>(() => new DataStore(folder.File("node")).OpenAsync(spec));
        Assert.Equal(DataProblem.NotInStore, error.Problem);
        Assert.Equal(
            $"{DataStore.PathOf(folder.File("node"), spec.Sha256)}: this data is not on this node and there is no server to fetch it from; "
            + "copy the file here or start the worker with its silo's address",
            error.Message);
    }

    [Fact]
    public async Task Fetched_bytes_with_another_hash_are_not_kept()
    {
        var store = new DataStore(
            folder.File("node"), (_, stream, cancel) => stream.WriteAsync("hello there"u8.ToArray(), cancel).AsTask());
        var error = await Assert.ThrowsAsync<DataException>(() => store.OpenAsync(spec));
        Assert.Equal(DataProblem.Corrupt, error.Problem);
        Assert.Empty(Directory.GetFiles(folder.File("node")));
    }

    [Fact]
    public async Task A_fetch_that_fails_leaves_nothing_behind()
    {
        var store = new DataStore(folder.File("node"), async (_, stream, cancel) =>
        {
            await stream.WriteAsync("hel"u8.ToArray(), cancel);
            throw new InvalidOperationException("connection lost");
        });
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.OpenAsync(spec));
        Assert.Empty(Directory.GetFiles(folder.File("node")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("DA48BA8B4F43D4CB9D4AC62B19C89C0085C08F6C32FD65CB96F5FF51D3EC7F01")]
    public void A_name_that_is_no_hash_reaches_no_file(string name) =>
        Assert.Throws<ArgumentException>(() => DataStore.PathOf("store", name));
}
