using System.IO.Pipes;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;

namespace Coordinator.Tests.Data;

public sealed class DataFreezerTests : IDisposable
{
    private static readonly ModelSpec Small = new() { Block = 4, Vocab = 256 };

    private readonly TemporaryFolder folder = new();
    private readonly DataFreezer freezer;

    public DataFreezerTests() => freezer = new DataFreezer(folder.File("store"));

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_frozen_file_is_named_by_the_hash_of_its_bytes_and_leaves_nothing_else_behind()
    {
        var spec = freezer.Freeze(folder.Write("a.txt", "hello world"), Small);

        var hash = Convert.ToHexStringLower(SHA256.HashData("hello world"u8));
        Assert.Equal(new DataSpec { Sha256 = hash, Bytes = 11, Encoding = "bytes" }, spec);
        Assert.Equal([folder.File($"store/{hash}.bin")], Directory.GetFiles(folder.File("store")));
        Assert.Equal("hello world", File.ReadAllText(folder.File($"store/{hash}.bin")));
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("device")]
    [InlineData("socket")]
    public void What_is_named_as_data_and_is_no_file_is_refused_and_not_taken_for_empty(string kind)
    {
        SpecialFiles.Put(folder.File("named"), kind);
        var error = Assert.Throws<DataException>(() => freezer.Freeze(folder.File("named"), Small));
        Assert.Equal(DataProblem.Unreadable, error.Problem);
        Assert.StartsWith($"{folder.File("named")} is a {kind} and no file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_shell_hands_over_through_a_pipe_is_frozen_like_a_file()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        var path = $"/dev/fd/{pipe.GetClientHandleAsString()}";
        pipe.Write("hello world"u8);
        pipe.Dispose();
        Assert.Equal(freezer.Freeze(folder.Write("a.txt", "hello world"), Small), freezer.Freeze(path, Small));
    }

    [Fact]
    public void A_loop_of_links_in_a_folder_is_passed_over()
    {
        folder.Write("data/a.txt", "hello world");
        SpecialFiles.Put(folder.File("data/loop"), "loop");
        Assert.Equal("hello world", FrozenText(freezer.Freeze(folder.File("data"), Small)));
    }

    [Fact]
    public void Files_are_joined_in_ordinal_order_with_one_newline_where_there_is_none()
    {
        folder.Write("data/b.txt", "bbb\n");
        folder.Write("data/B.txt", "BBB");
        folder.Write("data/a/z.txt", "zzz");
        folder.Write("data/a.txt", "aaa");
        folder.Write("data/empty.txt", "");

        // '.' sorts before '/', and capitals before small letters.
        Assert.Equal("BBB\naaa\nzzz\nbbb\n", FrozenText(freezer.Freeze(folder.File("data"), Small)));
    }

    [Fact]
    public void Freezing_the_same_data_again_gives_the_same_file()
    {
        var path = folder.Write("a.txt", "hello world");
        var first = freezer.Freeze(path, Small);
        Assert.Equal(first, freezer.Freeze(path, Small));
        Assert.Single(Directory.GetFiles(folder.File("store")));
    }

    [Fact]
    public void A_damaged_frozen_file_is_replaced_by_freezing_again()
    {
        var path = folder.Write("a.txt", "hello world");
        var spec = freezer.Freeze(path, Small);
        folder.Write($"store/{spec.Sha256}.bin", "hellO world");

        freezer.Freeze(path, Small);

        Assert.Equal("hello world", FrozenText(spec));
    }

    [Fact]
    public void A_folder_leaves_out_hidden_entries_build_outputs_and_binary_files()
    {
        folder.Write("data/keep.txt", "kept!");
        folder.Write("data/.git/config", "hidden");
        folder.Write("data/.hidden.txt", "hidden");
        folder.Write("data/sub/bin/x.txt", "output");
        folder.Write("data/obj/x.txt", "output");
        folder.Write("data/artifacts/x.txt", "output");
        folder.Write("data/picture.png", [1, 0, 2, 0, 3]);

        Assert.Equal("kept!", FrozenText(freezer.Freeze(folder.File("data"), Small)));
    }

    [Theory]
    [InlineData("run.lock")]
    [InlineData("run.json")]
    public void Folders_of_runs_in_a_folder_are_left_out(string mark)
    {
        folder.Write("data/keep.txt", "kept!");
        folder.Write($"data/run/{mark}", "");
        folder.Write("data/run/token", "secret");
        folder.Write("data/run/logs/silo.log", "log");

        Assert.Equal("kept!", FrozenText(freezer.Freeze(folder.File("data"), Small)));
        Assert.Equal(["keep.txt"], DataSource.Find("data/**", folder.Path).Files.Select(file => file.RelativePath));
    }

    [Theory]
    [InlineData("data", "data/run.json")]
    [InlineData("data/*", "data/run.lock")]
    [InlineData("data/**", "data/coordinator.db")]
    public void Of_a_runs_own_folder_only_what_the_run_did_not_make_is_read(string named, string mark)
    {
        folder.Write("data/mine.txt", "mine!");
        folder.Write(mark, "x");
        foreach (var made in new[]
        {
            "token",
            "database",
            "silo.log",
            "worker-1.log",
            "silo/token",
            "worker-1/boot-worker-1",
            "checkpoints/job/x",
            $"data/{new string('a', 64)}.bin",
            "coordinator.db-wal",
        })
        {
            folder.Write($"data/{made}", "secret");
        }

        Assert.Equal(["mine.txt"], DataSource.Find(folder.File(named), folder.Path).Files.Select(file => file.RelativePath));
    }

    [Fact]
    public void A_folder_that_links_to_itself_is_walked_once()
    {
        folder.Write("data/a.txt", "hello world");
        Directory.CreateSymbolicLink(folder.File("data/loop"), folder.File("data"));

        Assert.Equal("hello world", FrozenText(freezer.Freeze(folder.File("data"), Small)));
    }

    [Theory]
    [InlineData("data/*.txt", "1.txt")]
    [InlineData("data/**/*.txt", "1.txt 2.txt 3.txt")]
    [InlineData("data/*/?.txt", "2.txt")]
    [InlineData("data/**/y/*", "3.txt")]
    [InlineData("d*/x/**", "2.txt 3.txt")]
    public void A_glob_names_the_files_it_matches(string glob, string expected)
    {
        folder.Write("data/1.txt", "1");
        folder.Write("data/x/2.txt", "2");
        folder.Write("data/x/y/3.txt", "3");
        folder.Write("data/x/.hidden/4.txt", "4");

        var source = DataSource.Find(glob, folder.Path);

        Assert.Equal(expected.Split(' '), source.Files.Select(file => Path.GetFileName(file.Path)));
    }

    [Fact]
    public void Without_a_path_the_repository_around_the_current_folder_is_the_data()
    {
        folder.Write("repo/Coordinator.sln", "sln");
        folder.Write("repo/README.md", "readme");
        folder.Write("repo/worker/Program.cs", "code");
        folder.Write("repo/worker/bin/Program.cs", "output");
        folder.Write("repo/web/page.js", "script");

        var source = DataSource.Find(null, folder.File("repo/worker"));

        Assert.Equal(["README.md", "worker/Program.cs"], source.Files.Select(file => file.RelativePath));
    }

    [Fact]
    public void Without_a_path_and_without_a_repository_the_remedy_is_to_name_data()
    {
        var error = Assert.Throws<DataException>(() => DataSource.Find(null, folder.Path));

        Assert.Equal(DataProblem.Missing, error.Problem);
        Assert.Equal(
            $"{folder.Path}: no Coordinator.sln here or above, so there is no repository to train on; name a file, a directory or a glob "
                + "with --data",
            error.Message);
    }

    [Fact]
    public void Llm_c_shards_are_joined_without_their_headers()
    {
        folder.Write("data/1.bin", Shards.LlmC(1, 3, 10, 11, 12));
        folder.Write("data/2.bin", Shards.NanoGpt(300, 301, 302));
        folder.Write("data/3.shard", Shards.LlmC(1, 1, 65535));

        var spec = freezer.Freeze(folder.File("data"), Small with { Vocab = 65536 });

        Assert.Equal(("uint16", 14L), (spec.Encoding, spec.Bytes));
        Assert.Equal(
            Shards.NanoGpt(10, 11, 12, 300, 301, 302, 65535), File.ReadAllBytes(DataStore.PathOf(folder.File("store"), spec.Sha256)));
    }

    [Fact]
    public void A_shard_longer_than_the_buffer_is_frozen_whole()
    {
        var tokens = Enumerable.Range(0, 400_000).Select(i => (ushort)(i % 50257)).ToArray();

        var spec = freezer.Freeze(folder.Write("a.bin", Shards.LlmC(1, tokens.Length, tokens)), Small with { Vocab = 50257 });

        Assert.Equal(Shards.NanoGpt(tokens), File.ReadAllBytes(DataStore.PathOf(folder.File("store"), spec.Sha256)));
    }

    [Fact]
    public void A_missing_path_is_named()
    {
        var path = folder.File("nothing.txt");
        AssertRefused(DataProblem.Missing, $"{path}: no such file or directory; name a file, a directory or a glob with --data", path);
    }

    [Fact]
    public void An_empty_file_is_refused()
    {
        var path = folder.Write("empty.txt", "");
        AssertRefused(DataProblem.Empty, $"{path}: empty; name data with at least 5 tokens with --data", path);
    }

    [Fact]
    public void A_folder_without_text_is_refused()
    {
        folder.Write("data/picture.png", [1, 0, 2]);
        var path = folder.File("data");
        AssertRefused(
            DataProblem.Empty,
            $"{path}: no text or token file that is not empty (hidden entries, folders bin, obj and artifacts, folders of runs, and what a "
                + "run made in its own are left out); "
            + "name a file, a directory or a glob with --data; left out are picture.png (no text (it has zero bytes))",
            path);
    }

    [Fact]
    public void Data_of_block_tokens_is_too_short_and_one_more_suffices()
    {
        var path = folder.Write("short.txt", "1234");
        AssertRefused(
            DataProblem.TooShort,
            $"{path}: 4 tokens, fewer than the 5 of one sample; name longer data with --data or lower --model.block",
            path);
        Assert.Equal(5, freezer.Freeze(folder.Write("enough.txt", "12345"), Small).Bytes);
    }

    [Fact]
    public void A_token_outside_the_vocabulary_is_named_with_its_place()
    {
        var path = folder.Write("a.bin", Shards.LlmC(1, 6, 0, 1, 2, 255, 256, 3));
        AssertRefused(
            DataProblem.TokenOutOfRange,
            $"{path}: token 4 is 256, not below the model's vocabulary of 256; raise --model.vocab or choose other data",
            path);
    }

    [Fact]
    public void A_token_outside_the_vocabulary_behind_the_first_buffer_is_named_with_its_place()
    {
        var tokens = new ushort[200_000];
        tokens[190_001] = 999;
        var path = folder.Write("a.bin", Shards.NanoGpt(tokens));
        AssertRefused(
            DataProblem.TokenOutOfRange,
            $"{path}: token 190001 is 999, not below the model's vocabulary of 256; raise --model.vocab or choose other data",
            path);
    }

    [Fact]
    public void A_byte_outside_a_small_vocabulary_is_named()
    {
        var path = folder.Write("a.txt", "abc~ef");
        var error = Assert.Throws<DataException>(() => freezer.Freeze(path, Small with { Vocab = 126 }));
        Assert.Equal(
            $"{path}: token 3 is 126, not below the model's vocabulary of 126; raise --model.vocab or choose other data", error.Message);
    }

    [Fact]
    public void An_llm_c_shard_of_another_size_than_its_header_says_is_refused()
    {
        var path = folder.Write("a.bin", Shards.LlmC(1, 6, 1, 2, 3, 4, 5));
        AssertRefused(
            DataProblem.SizeMismatch, $"{path}: 1034 bytes where its header's 6 tokens need 1036; copy or write the shard again", path);
    }

    [Fact]
    public void An_llm_c_shard_with_a_negative_count_is_refused()
    {
        var path = folder.Write("a.bin", Shards.LlmC(1, -2, 1, 2));
        AssertRefused(
            DataProblem.SizeMismatch, $"{path}: 1028 bytes where its header's -2 tokens need 1020; copy or write the shard again", path);
    }

    [Fact]
    public void An_llm_c_shard_shorter_than_its_header_is_refused()
    {
        var path = folder.Write("a.bin", Shards.LlmC(1, 0)[..500]);
        AssertRefused(
            DataProblem.SizeMismatch, $"{path}: 500 bytes are less than the 1024 of an llm.c header; write the shard again", path);
    }

    [Fact]
    public void An_llm_c_shard_of_another_version_is_refused()
    {
        var path = folder.Write("a.bin", Shards.LlmC(7, 2, 1, 2));
        AssertRefused(
            DataProblem.UnknownVersion, $"{path}: llm.c shard of version 7; only version 1 (uint16 tokens) can be read: convert it", path);
    }

    [Fact]
    public void A_headerless_shard_of_odd_size_is_refused()
    {
        var path = folder.Write("a.bin", [1, 0, 2, 0, 3]);
        AssertRefused(
            DataProblem.SizeMismatch,
            $"{path}: 5 bytes are no whole number of uint16 tokens; write the shard again, or give text another ending than .bin",
            path);
    }

    [Fact]
    public void Text_and_shards_together_are_refused()
    {
        var shard = folder.Write("data/train.bin", Shards.NanoGpt(1, 2, 3));
        var text = folder.Write("data/readme.txt", "hello");
        AssertRefused(
            DataProblem.MixedKinds,
            $"{text} is text and {shard} a token shard, and one job reads one kind; choose with a glob in --data, such as '*.txt' or "
                + "'*train*.bin'",
            folder.File("data"));
    }

    [Fact]
    public void A_refused_data_set_leaves_nothing_in_the_store()
    {
        Assert.Throws<DataException>(() => freezer.Freeze(folder.Write("short.txt", "1"), Small));
        Assert.Empty(Directory.GetFiles(folder.File("store")));
    }

    [Fact]
    public void A_store_that_cannot_be_written_is_named()
    {
        var data = folder.Write("a.txt", "hello world");
        var store = folder.Write("file", "in the way");
        var error = Assert.Throws<DataException>(() => new DataFreezer(store).Freeze(data, Small));
        Assert.Equal(DataProblem.StoreUnwritable, error.Problem);
    }

    private string FrozenText(DataSpec spec) => File.ReadAllText(DataStore.PathOf(folder.File("store"), spec.Sha256), Encoding.UTF8);

    private void AssertRefused(DataProblem problem, string message, string path)
    {
        var error = Assert.Throws<DataException>(() => freezer.Freeze(path, Small));
        Assert.Equal((problem, message), (error.Problem, error.Message));
    }
}
