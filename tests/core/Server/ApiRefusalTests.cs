using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>Requests that change nothing, so that one server does for all of them.</summary>
public sealed class ApiRefusalTests(ApiRefusalTests.Shared shared) : IClassFixture<ApiRefusalTests.Shared>
{
    [Theory]
    [InlineData("/api/v1/jobs")]
    [InlineData("/api/v1/nothing")]
    [InlineData("/worker")]
    public async Task Without_the_token_nothing_is_answered(string path)
    {
        using var stranger = shared.Server.Stranger();
        using var answer = await stranger.GetAsync(new Uri(path, UriKind.Relative));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.NotEmpty((await answer.Content.ReadFromJsonAsync<JsonObject>())!["remedy"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("GET", "/api/v1/nothing", HttpStatusCode.NotFound)]
    [InlineData("DELETE", "/api/v1/jobs", HttpStatusCode.MethodNotAllowed)]
    [InlineData("GET", "/api/v1/jobs/none", HttpStatusCode.NotFound)]
    [InlineData("POST", "/api/v1/jobs/none/cancel", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/v1/jobs/none/model", HttpStatusCode.NotFound)]
    [InlineData("PUT", "/api/v1/jobs/..%2F..%2Fnone/model", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/v1/jobs/none/events?after=minus", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/jobs?limit=0", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/nodes?limit=-1", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/gpus?limit=-2147483648", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/gangs?limit=-1", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/events?limit=-1", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/events?waitMs=-1", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/nodes/none", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/v1/gpus/none/0", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/v1/gpus/none/first", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/v1/cluster", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/v1/data/..%2Fcoordinator.db", HttpStatusCode.BadRequest)]
    public async Task A_bad_request_is_answered_with_what_is_wrong_and_what_to_do(string method, string path, HttpStatusCode status)
    {
        using var friend = shared.Server.Friend();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var answer = await friend.SendAsync(request);

        Assert.Equal(status, answer.StatusCode);
        var body = (await answer.Content.ReadFromJsonAsync<JsonObject>())!;
        Assert.Equal("v1", body["apiVersion"]!.GetValue<string>());
        Assert.NotEmpty(body["error"]!.GetValue<string>());
        Assert.NotEmpty(body["remedy"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("{", null)]
    [InlineData("[]", null)]
    [InlineData("{\"ranks\":\"two\"}", "ranks")]
    [InlineData("{\"training\":{\"stepz\":5}}", "training.stepz")]
    [InlineData("{\"training\":null}", "training")]
    public async Task A_job_spec_that_cannot_be_read_is_refused_with_the_member_that_is_wrong(string body, string? field)
    {
        using var friend = shared.Server.Friend();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await friend.PostAsync(new Uri("/api/v1/jobs", UriKind.Relative), content);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var error = (await answer.Content.ReadFromJsonAsync<JsonObject>())!;
        if (field is not null)
            Assert.Equal(field, error["problems"]![0]!["field"]!.GetValue<string>());
    }

    public sealed class Shared : IAsyncLifetime
    {
        public TestServer Server { get; private set; } = null!;

        public async Task InitializeAsync() => Server = await TestServer.StartAsync();

        public async Task DisposeAsync() => await Server.DisposeAsync();
    }
}
