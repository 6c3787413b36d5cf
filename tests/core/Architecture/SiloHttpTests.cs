using Coordinator.Tests.Support;

namespace Coordinator.Tests.Architecture;

public sealed class SiloHttpTests
{
    [Fact]
    public void Every_connection_to_a_silo_is_made_in_one_place() => Complaints.AssertNone(Repository.Files.SelectMany(SiloHttpRule.Check));

    [Theory]
    [InlineData("using var http = new HttpClient();")]
    [InlineData("private readonly HttpClient client = new() { Timeout = Timeout.InfiniteTimeSpan };")]
    [InlineData("public HttpClient Stranger() => new() { BaseAddress = url };")]
    [InlineData("http = new HttpClient(handler);")]
    [InlineData("private readonly SocketsHttpHandler handler = new SocketsHttpHandler();")]
    [InlineData("http = new HttpMessageInvoker(handler);")]
    [InlineData("HttpClient.DefaultProxy = proxy;")]
    [InlineData("var request = WebRequest.Create(url);")]
    [InlineData("services.AddHttpClient();")]
    [InlineData("ClientWebSocket socket = new(); await socket.ConnectAsync(silo, cancel);")]
    [InlineData("ClientWebSocket socket = new(); await socket.ConnectAsync(new Uri(text), CancellationToken.None);")]
    public void A_connection_made_in_passing_is_refused(string line) =>
        Assert.Single(SiloHttpRule.Check(new RepositoryFile("cli/A.cs", line)));

    [Theory]
    [InlineData("ClientWebSocket socket = new(); await socket.ConnectAsync(silo, http, cancel);")]
    [InlineData("ClientWebSocket socket = new(); await socket.ConnectAsync(new Uri(text), http, CancellationToken.None);")]
    [InlineData("await socket.ConnectAsync(host, port, cancel);")]
    [InlineData("using var http = new HttpClient(SiloHttp.CreateHandler());")]
    [InlineData("using var http = SiloHttp.Create();")]
    [InlineData("using var http = new HttpMessageInvoker(new Silos(inTheMiddle));")]
    public void A_connection_through_the_one_place_passes(string line) =>
        Assert.Empty(SiloHttpRule.Check(new RepositoryFile("cli/A.cs", line)));
}
