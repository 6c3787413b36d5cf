using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Client;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>Damage in a silo's store is found, named and never served, and heals when the right bytes come.</summary>
public sealed class StoredFileTests : IAsyncLifetime
{
    private static readonly JobId Job = new("train-1");
    private static readonly byte[] Sound = Encoding.UTF8.GetBytes("the bytes that were stored");
    private static readonly string Hash = Convert.ToHexStringLower(SHA256.HashData(Sound));

    private readonly ConcurrentQueue<CoordinatorEvent> events = new();
    private TestServer server = null!;
    private string sent = "";

    public static TheoryData<string> Kinds => SpecialFiles.Kinds;

    private string Data => server.Folder.File($"data/{Hash}.bin");

    private string Model => server.Folder.File("models/train-1.safetensors");

    public async Task InitializeAsync()
    {
        server = await TestServer.StartAsync(options => options with
        {
            Observe = observed =>
            {
                events.Enqueue(observed);
                return Task.CompletedTask;
            },
        });
        sent = server.Folder.File("sent");
        await File.WriteAllBytesAsync(sent, Sound);
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_flipped_byte_is_not_served_and_heals_when_the_right_bytes_come()
    {
        await server.Client.UploadDataAsync(sent, Hash);
        Assert.True(await server.Client.HasDataAsync(Hash));
        Flip(Data);

        Assert.False(await server.Client.HasDataAsync(Hash));
        using var friend = server.Friend();
        using (var answer = await friend.GetAsync(new Uri($"/api/v1/data/{Hash}", UriKind.Relative)))
        {
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            Assert.Contains("is damaged", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await server.Client.UploadDataAsync(sent, Hash);
        Assert.True(await server.Client.DownloadDataAsync(Hash, server.Folder.File("copy")));
        Assert.Equal(Sound, await File.ReadAllBytesAsync(server.Folder.File("copy")));
        Assert.Equal([EventKinds.StorageDamaged, EventKinds.StorageRepaired], events.Select(one => one.Kind));
    }

    [Fact]
    public async Task A_flipped_byte_whose_file_has_its_old_time_is_found()
    {
        await server.Client.UploadDataAsync(sent, Hash);
        Assert.True(await server.Client.HasDataAsync(Hash));
        var time = File.GetLastWriteTimeUtc(Data);
        Flip(Data);
        File.SetLastWriteTimeUtc(Data, time);
        Assert.False(await server.Client.HasDataAsync(Hash));
    }

    [Fact]
    public async Task A_part_of_a_sound_file_is_served()
    {
        await server.Client.UploadDataAsync(sent, Hash);
        using var friend = server.Friend();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/data/{Hash}") { Headers = { Range = new(4, 8) } };
        using var answer = await friend.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal("bytes", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_is_no_file_in_the_store_is_not_opened_and_gives_way_to_the_right_bytes(string kind)
    {
        await server.Client.UploadDataAsync(sent, Hash);
        SpecialFiles.Put(Data, kind);
        Assert.False(await server.Client.HasDataAsync(Hash));
        await server.Client.UploadDataAsync(sent, Hash);
        Assert.True(await server.Client.HasDataAsync(Hash));
        Assert.Equal(Sound, await File.ReadAllBytesAsync(Data));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_damaged_model_is_named_and_replaced_by_its_own_bytes_alone(bool isFinished)
    {
        server.Grains.Show(View(isFinished));
        await server.Client.UploadModelAsync(Job, sent, Hash);
        Flip(Model);
        var damaged = await Assert.ThrowsAsync<CoordinatorApiException>(
            () => server.Client.DownloadModelAsync(Job, server.Folder.File("copy")));
        Assert.Contains("is damaged", damaged.Message, StringComparison.Ordinal);
        Assert.False(damaged.MayRepeat);
        Assert.False(File.Exists(server.Folder.File("copy")));

        // What is damaged is no second model, and what is another model does not get in through the damage.
        await File.WriteAllTextAsync(server.Folder.File("other"), "another model");
        var other = Convert.ToHexStringLower(SHA256.HashData("another model"u8));
        var refused = await Assert.ThrowsAsync<CoordinatorApiException>(
            () => server.Client.UploadModelAsync(Job, server.Folder.File("other"), other));
        Assert.Equal(HttpStatusCode.Conflict, refused.Status);

        Assert.False((await server.Client.UploadModelAsync(Job, sent, Hash)).Existed);
        Assert.True(await server.Client.DownloadModelAsync(Job, server.Folder.File("copy")));
        Assert.Equal(Sound, await File.ReadAllBytesAsync(server.Folder.File("copy")));
    }

    [Fact]
    public async Task What_the_silo_stores_is_its_users_alone()
    {
        server.Grains.Show(View(isFinished: false));
        await server.Client.UploadDataAsync(sent, Hash);
        await server.Client.UploadModelAsync(Job, sent, Hash);
        string[] made =
        [
            Path.GetDirectoryName(Data)!, Path.GetDirectoryName(Model)!, Data, Model,
            .. Directory.GetFiles(server.Folder.Path, "coordinator.db*"),
        ];
        Assert.True(made.Length >= 6);
        Assert.Empty(made.Select(Coordinator.Disk.PrivateFiles.WhyOpen).OfType<string>());
    }

    private static JobView View(bool isFinished) => new()
    {
        Id = Job,
        Phase = isFinished ? "finished" : "running",
        Spec = new JobSpec(),
        ModelSha256 = isFinished ? Hash : null,
    };

    private static void Flip(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = 3;
        var value = file.ReadByte();
        file.Position = 3;
        file.WriteByte((byte)(value ^ 0x20));
    }
}
