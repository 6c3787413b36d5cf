using System.Security.Cryptography;
using System.Text;
using Coordinator.Server.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Coordinator.Server.Hosting;

/// <summary>
/// Lets pass who knows the token: as a bearer, or as the password that a browser asks its user for. Hashes are compared and not texts, so
/// that time tells neither content nor length.
/// </summary>
internal sealed class BearerAuth(string token)
{
    private const string Bearer = "Bearer ";
    private const string Basic = "Basic ";
    private readonly byte[] expected = Hash(token);

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var knows = Knows(context.Request);
        if (knows)
            StrangerGuard.Know(context);
        if (knows || context.Request.Path == InfoApi.HealthPath)
            return next(context);
        context.Response.Headers.WWWAuthenticate = new StringValues(
            ["Bearer", "Basic realm=\"coordinator: any name, and the token as password\""]);
        return ApiError.Write(
            context,
            StatusCodes.Status401Unauthorized,
            "the request carries no valid token",
            "Send 'Authorization: Bearer' with the token of the silo's token file.");
    }

    private bool Knows(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        if (header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
            return IsToken(header[Bearer.Length..].Trim());

        // A browser sends the password by itself, also where another site's page made it ask: so it may look and not touch.
        return (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
            && header.StartsWith(Basic, StringComparison.OrdinalIgnoreCase) && PasswordOf(header[Basic.Length..].Trim()) is { } password
                && IsToken(password);
    }

    private bool IsToken(string text) => CryptographicOperations.FixedTimeEquals(Hash(text), expected);

    private static string? PasswordOf(string credentials)
    {
        var bytes = new byte[credentials.Length];
        if (!Convert.TryFromBase64String(credentials, bytes, out var length))
            return null;
        var text = Encoding.UTF8.GetString(bytes, 0, length);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? null : text[(colon + 1)..];
    }

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
