using System.Net;
using System.Net.WebSockets;
using System.Security.Authentication;
using Coordinator.Worker.Agent;

namespace Coordinator.Tests.Worker;

public sealed class ConnectFailureTests
{
    [Fact]
    public void A_refused_token_is_named_as_such() =>
        Assert.Contains("token (401)", ConnectFailure.Explain(new WebSocketException("status code '401'"), HttpStatusCode.Unauthorized), StringComparison.Ordinal);

    [Fact]
    public void A_refused_certificate_is_named_with_the_reason_however_deep_it_lies()
    {
        var deep = new WebSocketException("Unable to connect", new HttpRequestException("no SSL", new AuthenticationException("UntrustedRoot.")));
        var text = ConnectFailure.Explain(deep, 0);
        Assert.StartsWith("its certificate is refused: UntrustedRoot.", text, StringComparison.Ordinal);
        Assert.Contains("SSL_CERT_FILE", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Anything_else_keeps_its_innermost_reason() =>
        Assert.Equal("Unable to connect (Connection refused)", ConnectFailure.Explain(new WebSocketException("Unable to connect", new IOException("x", new IOException("Connection refused"))), 0));
}
