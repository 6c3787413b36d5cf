using System.Net;
using Coordinator.Worker.Agent;

namespace Coordinator.Tests.Worker;

/// <summary>A silo that gives nothing is left for the next one, and nobody waits for it whom nobody waits for.</summary>
public sealed class SiloFilesTests
{
    private static readonly Uri Frozen = new("http://frozen:1");
    private static readonly Uri Sound = new("http://sound:1");
    private static readonly string Hash = new('a', 64);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Data_are_fetched_from_the_next_silo_where_one_freezes_before_its_answer_or_in_the_middle(bool inTheMiddle)
    {
        using var http = new HttpMessageInvoker(new Silos(inTheMiddle));
        var files = new SiloFiles([Frozen, Sound], "", http) { IdleTime = TimeSpan.FromSeconds(1) };
        using var fetched = new MemoryStream();
        await files.FetchDataAsync(Hash, fetched).For("the data");
        Assert.Equal("sound"u8.ToArray(), fetched.ToArray());
    }

    [Fact]
    public async Task That_no_silo_answers_is_said_and_a_caller_that_gives_up_waits_no_longer()
    {
        using var http = new HttpMessageInvoker(new Silos(inTheMiddle: false));
        var hasty = new SiloFiles([Frozen], "", http) { IdleTime = TimeSpan.FromMilliseconds(100) };
        var silent = await Assert.ThrowsAsync<HttpRequestException>(() => hasty.FetchDataAsync(Hash, new MemoryStream()).For("the end"));
        Assert.Equal("http://frozen:1/ neither took nor gave a byte for 0.1 s", silent.Message);

        using var enough = new CancellationTokenSource();
        var fetching = new SiloFiles([Frozen, Sound], "", http).FetchDataAsync(Hash, new MemoryStream(), enough.Token);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetching.For("the end"));
    }

    private sealed class Silos(bool inTheMiddle) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.Host == Sound.Host)
                return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent("sound"u8.ToArray()) };
            if (!inTheMiddle)
                await new TaskCompletionSource().Task.WaitAsync(cancellationToken);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new Stuck()) };
        }
    }

    /// <summary>Gives some bytes, and then nothing.</summary>
    private sealed class Stuck : MemoryStream
    {
        private bool hasGiven;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (hasGiven)
                await new TaskCompletionSource().Task.WaitAsync(cancellationToken);
            hasGiven = true;
            buffer.Span[..3].Fill((byte)'x');
            return 3;
        }
    }
}
