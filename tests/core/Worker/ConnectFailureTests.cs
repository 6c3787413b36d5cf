using System.Net;
using System.Net.WebSockets;
using System.Security.Authentication;
using Coordinator.Worker.Agent;

namespace Coordinator.Tests.Worker;

public sealed class ConnectFailureTests
{
    [Fact]
    public void A_refused_token_is_named_as_such() =>
        Assert.Contains(
            "token (401)",
            ConnectFailure.Explain(new WebSocketException("status code '401'"), HttpStatusCode.Unauthorized).Text,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("UntrustedRoot.")]
    [InlineData("UntrustedRoot")]
    public void A_refused_certificate_is_named_with_the_reason_however_deep_it_lies(string reason)
    {
        var deep = new WebSocketException(
            "Unable to connect", new HttpRequestException("no SSL", new AuthenticationException(reason)));
        var (text, isFinal) = ConnectFailure.Explain(deep, 0);
        Assert.True(isFinal);
        Assert.StartsWith("its certificate is refused: UntrustedRoot. Name", text, StringComparison.Ordinal);
        Assert.Contains("SSL_CERT_FILE", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Anything_else_keeps_its_innermost_reason() =>
        Assert.Equal(new ConnectFailure("Unable to connect (Connection refused)", false), ConnectFailure.Explain(
            new WebSocketException("Unable to connect", new IOException("x", new IOException("Connection refused"))), 0));

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized, true)]
    [InlineData(HttpStatusCode.Forbidden, true)]
    [InlineData(HttpStatusCode.ProxyAuthenticationRequired, true)]
    [InlineData(HttpStatusCode.TemporaryRedirect, true)]
    [InlineData(HttpStatusCode.NotFound, false)]
    [InlineData(HttpStatusCode.ServiceUnavailable, false)]
    [InlineData(HttpStatusCode.BadGateway, false)]
    public void What_the_same_worker_meets_again_is_final_and_what_a_silo_meets_while_it_starts_is_not(
        HttpStatusCode status, bool isFinal) =>
        Assert.Equal(isFinal, ConnectFailure.Explain(new WebSocketException("status code"), status).IsFinal);

    [Fact]
    public void A_handshake_that_broke_off_is_not_final() =>
        Assert.False(ConnectFailure.Explain(
            new HttpRequestException("no SSL", new AuthenticationException("alert", new IOException("reset"))), 0).IsFinal);
}
